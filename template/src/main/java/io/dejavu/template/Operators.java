package io.dejavu.template;

import java.util.ArrayList;
import java.util.List;

/// What `+ - * / // % **`, comparisons and `in` do between any two values.
final class Operators {
  private static final int DEEPEST = 500;

  private Operators() {}

  static Object binary(Rendering r, String operator, Object a, Object b) {
    if (a instanceof Undefined undefined) {
      throw undefined.raise();
    }
    if (b instanceof Undefined undefined && !(operator.equals("%") && Types.isString(a))) {
      throw undefined.raise();
    }
    return switch (operator) {
      case "+" -> add(r, a, b);
      case "*" -> multiply(r, a, b);
      case "%" -> {
        if (Types.isString(a)) {
          yield PercentFormat.format(r, a, b);
        }
        requireNumbers("%", a, b);
        yield Numbers.modulo(a, b);
      }
      case "-" -> {
        if (a instanceof DictView && b instanceof DictView) {
          throw Raised.typeError("sets are not known to templates");
        }
        requireNumbers("-", a, b);
        yield Numbers.subtract(a, b);
      }
      case "/" -> {
        requireNumbers("/", a, b);
        yield Numbers.divide(a, b);
      }
      case "//" -> {
        requireNumbers("//", a, b);
        yield Numbers.floorDivide(a, b);
      }
      case "**" -> {
        requireNumbers("** or pow()", a, b);
        yield Numbers.power(a, b);
      }
      default -> throw new IllegalStateException("operator " + operator);
    };
  }

  static Object unary(String operator, Object a) {
    if (a instanceof Undefined undefined) {
      throw undefined.raise();
    }
    if (!Types.isNumber(a)) {
      throw Raised.typeError("bad operand type for unary %s: '%s'", operator, Types.nameOf(a));
    }
    return operator.equals("-") ? Numbers.negate(a) : Numbers.plus(a);
  }

  private static void requireNumbers(String operator, Object a, Object b) {
    if (!Types.isNumber(a) || !Types.isNumber(b)) {
      throw unsupported(operator, a, b);
    }
  }

  private static Raised unsupported(String operator, Object a, Object b) {
    return Raised.typeError(
        "unsupported operand type(s) for %s: '%s' and '%s'",
        operator, Types.nameOf(a), Types.nameOf(b));
  }

  private static Object add(Rendering r, Object a, Object b) {
    if (a instanceof String x && b instanceof String y) {
      return r.concat(x, y);
    }
    if (Types.isNumber(a) && Types.isNumber(b)) {
      return Numbers.add(a, b);
    }
    if (a instanceof Markup x && Types.isString(b)) {
      return new Markup(r.concat(x.text(), Markup.escape(b, Text.str(b)).text()));
    }
    if (a instanceof String x && b instanceof Markup y) {
      return new Markup(r.concat(Markup.escaped(x), y.text()));
    }
    if (a instanceof Tuple(var x, boolean _) && b instanceof Tuple(var y, boolean _)) {
      return new Tuple(joined(r, x, y));
    }
    if (isList(a) && isList(b)) {
      return joined(r, (List<?>) a, (List<?>) b);
    }
    if (Types.isString(a)) {
      throw Raised.typeError("can only concatenate str (not \"%s\") to str", Types.nameOf(b));
    }
    if (isList(a) || a instanceof Tuple) {
      String type = Types.nameOf(a);
      throw Raised.typeError(
          "can only concatenate %s (not \"%s\") to %s", type, Types.nameOf(b), type);
    }
    throw unsupported("+", a, b);
  }

  private static boolean isList(Object value) {
    return value instanceof List<?> && !(value instanceof Range);
  }

  private static List<Object> joined(Rendering r, List<?> a, List<?> b) {
    r.items((long) a.size() + b.size());
    var all = new ArrayList<Object>(a.size() + b.size());
    all.addAll(a);
    all.addAll(b);
    return all;
  }

  private static Object multiply(Rendering r, Object a, Object b) {
    if (Types.isNumber(a) && Types.isNumber(b)) {
      return Numbers.multiply(a, b);
    }
    boolean left = Types.isString(a) || isList(a) || a instanceof Tuple;
    Object sequence = left ? a : b;
    Object times = left ? b : a;
    if (!Types.isString(sequence) && !isList(sequence) && !(sequence instanceof Tuple)) {
      throw unsupported("*", a, b);
    }
    if (!Types.isInteger(times)) {
      throw Raised.typeError(
          "can't multiply sequence by non-int of type '%s'", Types.nameOf(times));
    }
    int count = Math.max(0, Types.index(times));
    return switch (sequence) {
      case String s -> r.repeat(s, count);
      case Markup markup -> new Markup(r.repeat(markup.text(), count));
      case Tuple tuple -> new Tuple(repeated(r, tuple.items(), count));
      default -> repeated(r, (List<?>) sequence, count);
    };
  }

  private static List<Object> repeated(Rendering r, List<?> list, int count) {
    r.items((long) list.size() * count);
    var all = new ArrayList<Object>(list.size() * count);
    for (int i = 0; i < count && !list.isEmpty(); i++) {
      all.addAll(list);
    }
    return all;
  }

  static boolean compare(Rendering r, String operator, Object a, Object b) {
    return switch (operator) {
      case "==" -> same(r, a, b, 0);
      case "!=" -> !same(r, a, b, 0);
      case "in" -> contains(r, b, a);
      case "not in" -> !contains(r, b, a);
      default -> ordered(r, operator, a, b, 0);
    };
  }

  static boolean same(Rendering r, Object a, Object b) {
    return same(r, a, b, 0);
  }

  private static boolean same(Rendering r, Object a, Object b, int depth) {
    if (depth > DEEPEST) {
      throw new Raised("RecursionError", "maximum recursion depth exceeded in comparison");
    }
    if (a instanceof String x && b instanceof String y) {
      return x.equals(y);
    }
    if (Types.isNumber(a) && Types.isNumber(b)) {
      return !Numbers.isNaN(a) && !Numbers.isNaN(b) && Numbers.compare(a, b) == 0;
    }
    return switch (a) {
      case String x -> b instanceof Markup y && x.equals(y.text());
      case Markup x -> Types.isString(b) && x.text().equals(Text.str(b));
      case None _ -> b == None.NONE;
      case Undefined _ -> b instanceof Undefined;
      case Range x -> b instanceof Range y && x.equals(y);
      case List<?> x -> isList(b) && sameItems(r, x, (List<?>) b, depth);
      case Tuple x -> b instanceof Tuple y && sameItems(r, x.items(), y.items(), depth);
      case Dict x -> b instanceof Dict y && sameEntries(r, x, y, depth);
      case DictView x ->
          b instanceof DictView y
              && x.part() == y.part()
              && x.part() != DictView.Part.VALUES
              && sameEntries(r, viewed(x), viewed(y), depth);
      default -> a.equals(b);
    };
  }

  /// How Python compares what is inside of lists and dicts: a NaN is itself there.
  @SuppressWarnings("ReferenceEquality")
  private static boolean identicalOrSame(Rendering r, Object a, Object b, int depth) {
    r.step();
    return a == b || same(r, a, b, depth);
  }

  /// Keys or items as a set.
  private static Dict viewed(DictView view) {
    var set = new Dict();
    view.list().forEach(item -> set.put(item, None.NONE));
    return set;
  }

  private static boolean sameItems(Rendering r, List<?> a, List<?> b, int depth) {
    if (a.size() != b.size()) {
      return false;
    }
    var other = b.iterator();
    for (Object item : a) {
      Object twin = other.next();
      if (!identicalOrSame(r, item, twin, depth + 1)) {
        return false;
      }
    }
    return true;
  }

  private static boolean sameEntries(Rendering r, Dict a, Dict b, int depth) {
    if (a.size() != b.size()) {
      return false;
    }
    for (var entry : a.entries()) {
      Object twin = b.get(entry.getKey());
      if (twin == null || !identicalOrSame(r, entry.getValue(), twin, depth + 1)) {
        return false;
      }
    }
    return true;
  }

  /// `a < b`, for sorting.
  static boolean less(Rendering r, Object a, Object b) {
    return ordered(r, "<", a, b, 0);
  }

  private static boolean ordered(Rendering r, String operator, Object a, Object b, int depth) {
    if (a instanceof Undefined undefined) {
      throw undefined.raise();
    }
    if (b instanceof Undefined undefined) {
      throw undefined.raise();
    }
    if (Numbers.isNaN(a) && Types.isNumber(b) || Numbers.isNaN(b) && Types.isNumber(a)) {
      return false;
    }
    if (Types.isNumber(a) && Types.isNumber(b)) {
      return holds(operator, Numbers.compare(a, b));
    }
    if (Types.isString(a) && Types.isString(b)) {
      return holds(operator, CodePoints.compare(Text.str(a), Text.str(b)));
    }
    if (a instanceof Tuple x && b instanceof Tuple y) {
      return orderedItems(r, operator, x.items(), y.items(), depth);
    }
    if (isList(a) && isList(b)) {
      return orderedItems(r, operator, (List<?>) a, (List<?>) b, depth);
    }
    throw Raised.typeError(
        "'%s' not supported between instances of '%s' and '%s'",
        operator, Types.nameOf(a), Types.nameOf(b));
  }

  private static boolean orderedItems(
      Rendering r, String operator, List<?> a, List<?> b, int depth) {
    if (depth > DEEPEST) {
      throw new Raised("RecursionError", "maximum recursion depth exceeded in comparison");
    }
    int shared = Math.min(a.size(), b.size());
    for (int i = 0; i < shared; i++) {
      Object x = a.get(i);
      Object y = b.get(i);
      if (!identicalOrSame(r, x, y, depth + 1)) {
        return ordered(r, operator, x, y, depth + 1);
      }
    }
    return holds(operator, Integer.compare(a.size(), b.size()));
  }

  private static boolean holds(String operator, int order) {
    return switch (operator) {
      case "<" -> order < 0;
      case "<=" -> order <= 0;
      case ">" -> order > 0;
      default -> order >= 0;
    };
  }

  static boolean contains(Rendering r, Object container, Object item) {
    return switch (container) {
      case String text -> holdsText(r, text, item);
      case Markup markup -> holdsText(r, markup.text(), item);
      case Dict dict -> dict.contains(item);
      case DictView view when view.part() == DictView.Part.KEYS -> view.dict().contains(item);
      default -> holdsItem(r, container, item);
    };
  }

  private static boolean holdsItem(Rendering r, Object container, Object item) {
    var items = Iteration.of(container, "argument of type '%s' is not iterable");
    while (items.hasNext()) {
      r.step();
      if (identicalOrSame(r, items.next(), item, 0)) {
        return true;
      }
    }
    return false;
  }

  private static boolean holdsText(Rendering r, String text, Object item) {
    if (!Types.isString(item)) {
      throw Raised.typeError(
          "'in <string>' requires string as left operand, not %s", Types.nameOf(item));
    }
    r.work(text.length());
    return text.contains(Text.str(item));
  }
}
