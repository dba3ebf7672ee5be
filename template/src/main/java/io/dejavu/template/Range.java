package io.dejavu.template;

import java.util.AbstractList;

/// Python's `range`, at most 100,000 numbers as in Jinja's sandbox.
final class Range extends AbstractList<Object> {
  private static final int MOST = 100_000;

  private final long start;
  private final long stop;
  private final long step;
  private final int count;

  private Range(long start, long stop, long step, int count) {
    this.start = start;
    this.stop = stop;
    this.step = step;
    this.count = count;
  }

  static Range of(long start, long stop, long step) {
    if (step == 0) {
      throw Raised.valueError("range() arg 3 must not be zero");
    }
    if (step > 0 ? start >= stop : start <= stop) {
      return new Range(start, stop, step, 0);
    }
    // As unsigned numbers, so that the widest range does not overflow.
    long span = step > 0 ? stop - start - 1 : start - stop - 1;
    long count = Long.divideUnsigned(span, step > 0 ? step : -step);
    if (Long.compareUnsigned(count, MOST) >= 0) {
      throw new Raised(
          "OverflowError",
          "Range too big. The sandbox blocks ranges larger than MAX_RANGE (%d).".formatted(MOST));
    }
    return new Range(start, stop, step, (int) count + 1);
  }

  @Override
  public Object get(int index) {
    return start + index * step;
  }

  @Override
  public int size() {
    return count;
  }

  String repr() {
    return step == 1
        ? "range(%d, %d)".formatted(start, stop)
        : "range(%d, %d, %d)".formatted(start, stop, step);
  }

  Range slice(long from, long to, long by) {
    return of(start + from * step, start + to * step, step * by);
  }

  Object part(String name) {
    return switch (name) {
      case "start" -> start;
      case "stop" -> stop;
      default -> step;
    };
  }
}
