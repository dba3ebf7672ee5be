package io.dejavu.template;

import java.time.ZonedDateTime;
import java.util.function.Supplier;

/// One rendering under way: what it has used of its limits, and where it is.
final class Rendering {
  private final TemplateLimits limits;
  private final Supplier<ZonedDateTime> clock;
  private long steps;
  private long work;
  private int depth;
  private int line = 1;

  Rendering(TemplateLimits limits, Supplier<ZonedDateTime> clock) {
    this.limits = limits;
    this.clock = clock;
  }

  ZonedDateTime now() {
    return clock.get();
  }

  int line() {
    return line;
  }

  void at(int newLine) {
    line = newLine;
  }

  void step() {
    if (++steps > limits.steps()) {
      throw Raised.limit("more than %d steps", limits.steps());
    }
  }

  /// Counts items that are copied.
  void items(long count) {
    steps += Math.min(count, Integer.MAX_VALUE);
    if (steps > limits.steps()) {
      throw Raised.limit("more than %d steps", limits.steps());
    }
  }

  /// Counts characters that are copied or searched.
  void work(long chars) {
    work += chars;
    if (work > limits.workChars()) {
      throw Raised.limit("more than %d characters copied or searched", limits.workChars());
    }
  }

  int longest() {
    return limits.outputChars();
  }

  /// Asks whether a text of that length may be made, and counts it.
  void willMake(long chars) {
    if (chars > limits.outputChars()) {
      throw Raised.limit("a text longer than %d", limits.outputChars());
    }
    work(chars);
  }

  String text(String made) {
    willMake(made.length());
    return made;
  }

  String concat(String a, String b) {
    willMake((long) a.length() + b.length());
    return a.concat(b);
  }

  String repeat(String text, int times) {
    willMake((long) text.length() * times);
    return text.repeat(times);
  }

  void write(StringBuilder out, String text) {
    if ((long) out.length() + text.length() > limits.outputChars()) {
      throw Raised.limit("a text longer than %d", limits.outputChars());
    }
    work(text.length());
    out.append(text);
  }

  void enter() {
    if (++depth > limits.depth()) {
      depth--;
      throw new Raised("RecursionError", "maximum recursion depth exceeded");
    }
  }

  void leave() {
    depth--;
  }
}
