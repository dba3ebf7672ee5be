package io.dejavu.template;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// A loop under way: the `loop` of templates.
final class LoopState implements TemplateFunction {
  private final Object source;
  private Iterator<Object> items;
  private final @Nullable Recursion recursion;
  private final int depth0;

  private long index0 = -1;
  private long length = -1;
  private @Nullable Object before;
  private @Nullable Object current;
  private @Nullable Object after; // looked at, not yet reached
  private @Nullable List<Object> lastChanged;

  /// Renders the body again for other items, one level deeper.
  @FunctionalInterface
  interface Recursion {
    String render(Rendering rendering, Object items, int depth0);
  }

  LoopState(Object source, Iterator<Object> items, @Nullable Recursion recursion, int depth0) {
    this.source = source;
    this.items = items;
    this.recursion = recursion;
    this.depth0 = depth0;
  }

  boolean advance() {
    Object next;
    if (after != null) {
      next = after;
      after = null;
    } else if (items.hasNext()) {
      next = items.next();
    } else {
      return false;
    }
    index0++;
    before = current;
    current = next;
    return true;
  }

  Object current() {
    return current == null ? None.NONE : current;
  }

  long index0() {
    return index0;
  }

  /// Asks a source without a length for all its items.
  long length() {
    if (length < 0) {
      if (Iteration.hasLength(source)) {
        length = Iteration.length(source);
      } else {
        var rest = new ArrayList<Object>();
        items.forEachRemaining(rest::add);
        items = rest.iterator();
        length = rest.size() + index0 + 1 + (after == null ? 0 : 1);
      }
    }
    return length;
  }

  private @Nullable Object peek() {
    if (after == null && items.hasNext()) {
      after = items.next();
    }
    return after;
  }

  /// Items not yet reached, each with the loop, as Python iterates a loop.
  Iterator<Object> rest() {
    return new Iterator<>() {
      @Override
      public boolean hasNext() {
        return peek() != null;
      }

      @Override
      public Object next() {
        advance();
        return Tuple.of(current(), LoopState.this);
      }
    };
  }

  @Nullable Object member(String name) {
    return switch (name) {
      case "index" -> index0 + 1;
      case "index0" -> index0;
      case "revindex" -> length() - index0;
      case "revindex0" -> length() - index0 - 1;
      case "first" -> index0 == 0;
      case "last" -> peek() == null;
      case "length" -> length();
      case "depth" -> depth0 + 1L;
      case "depth0" -> (long) depth0;
      case "previtem" ->
          index0 == 0 || before == null ? Undefined.because("there is no previous item") : before;
      case "nextitem" -> {
        var next = peek();
        yield next == null ? Undefined.because("there is no next item") : next;
      }
      case "cycle" -> new BoundMethod(this, name, (_, arguments) -> cycle(arguments));
      case "changed" -> new BoundMethod(this, name, (r, arguments) -> changed(r, arguments));
      default -> null;
    };
  }

  private Object cycle(Arguments arguments) {
    var choices = arguments.positional();
    if (choices.isEmpty()) {
      throw Raised.typeError("no items for cycling given");
    }
    return choices.get((int) (index0 % choices.size()));
  }

  private Object changed(Rendering r, Arguments arguments) {
    var values = arguments.positional();
    if (lastChanged != null && Operators.same(r, new Tuple(lastChanged), new Tuple(values))) {
      return false;
    }
    lastChanged = values;
    return true;
  }

  @Override
  public Object call(Rendering rendering, Arguments arguments) {
    if (recursion == null) {
      throw Raised.typeError("The loop must have the 'recursive' marker to be called recursively.");
    }
    var bound = arguments.bind("__call__", 1, "iterable");
    return recursion.render(rendering, bound.at(0), depth0 + 1);
  }
}
