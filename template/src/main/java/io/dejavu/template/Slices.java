package io.dejavu.template;

import java.util.ArrayList;
import java.util.List;

/// `value[start:stop:step]`
final class Slices {
  private Slices() {}

  static Object slice(Rendering r, Object target, Object start, Object stop, Object step) {
    return switch (target) {
      case String text -> text(r, text, start, stop, step);
      case Markup markup -> new Markup(text(r, markup.text(), start, stop, step));
      case Range range -> {
        var bounds = Bounds.of(range.size(), start, stop, step);
        yield range.slice(bounds.start, bounds.start + bounds.count() * bounds.step, bounds.step);
      }
      case List<?> list -> items(r, list, start, stop, step);
      case Tuple tuple -> new Tuple(items(r, tuple.items(), start, stop, step));
      case Undefined undefined -> throw undefined.raise();
      case Dict _ -> throw Raised.typeError("unhashable type: 'slice'");
      default -> throw Raised.typeError("'%s' object is not subscriptable", Types.nameOf(target));
    };
  }

  private static List<Object> items(
      Rendering r, List<?> list, Object start, Object stop, Object step) {
    var bounds = Bounds.of(list.size(), start, stop, step);
    long count = bounds.count();
    r.items(count);
    var part = new ArrayList<Object>((int) count);
    for (long i = 0; i < count; i++) {
      part.add(list.get((int) (bounds.start + i * bounds.step)));
    }
    return part;
  }

  private static String text(Rendering r, String text, Object start, Object stop, Object step) {
    r.work(text.length());
    int size = CodePoints.count(text);
    var bounds = Bounds.of(size, start, stop, step);
    long count = bounds.count();
    if (bounds.step == 1) {
      int from = CodePoints.offset(text, (int) bounds.start);
      return text.substring(from, text.offsetByCodePoints(from, (int) count));
    }
    int[] points = text.codePoints().toArray();
    var part = new StringBuilder();
    for (long i = 0; i < count; i++) {
      part.appendCodePoint(points[(int) (bounds.start + i * bounds.step)]);
    }
    return part.toString();
  }

  /// Which items a slice takes, cut to what is there.
  private record Bounds(long start, long stop, long step) {
    static Bounds of(int size, Object start, Object stop, Object step) {
      long by = step == None.NONE ? 1 : index(step);
      if (by == 0) {
        throw Raised.valueError("slice step cannot be zero");
      }
      long least = by < 0 ? -1 : 0;
      long most = by < 0 ? size - 1 : size;
      long from = start == None.NONE ? (by < 0 ? most : least) : cut(start, size, least, most);
      long to = stop == None.NONE ? (by < 0 ? least : most) : cut(stop, size, least, most);
      long count = by > 0 ? Math.max(0, to - from) : Math.max(0, from - to);
      return count == 0
          ? new Bounds(Math.clamp(from, 0, size), Math.clamp(from, 0, size), by)
          : new Bounds(from, to, by);
    }

    private static long cut(Object index, int size, long least, long most) {
      long at = index(index);
      return Math.clamp(at < 0 ? at + size : at, least, most);
    }

    private static long index(Object index) {
      if (!Types.isInteger(index)) {
        if (index instanceof Undefined undefined) {
          throw undefined.raise();
        }
        throw Raised.typeError(
            "slice indices must be integers or None or have an __index__ method");
      }
      return Types.index(index);
    }

    long count() {
      long span = step > 0 ? stop - start : start - stop;
      long by = Math.abs(step);
      return span <= 0 ? 0 : (span + by - 1) / by;
    }
  }
}
