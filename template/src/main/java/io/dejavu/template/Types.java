package io.dejavu.template;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Values of a template: Java objects on the way in, and what Python calls them.
///
/// | Python   | here                           |
/// |----------|--------------------------------|
/// | str      | String, or [Markup]            |
/// | int      | Long, BigInteger beyond        |
/// | float    | Double                         |
/// | bool     | Boolean                        |
/// | None     | [None]                         |
/// | list     | List, never changed            |
/// | tuple    | [Tuple]                        |
/// | dict     | [Dict]                         |
/// | iterator | [Generator]                    |
final class Types {
  private static final int DEEPEST = 1000;

  private Types() {}

  /// The value that a template sees for a Java object.
  static Object of(@Nullable Object value) {
    return of(value, 0);
  }

  private static Object of(@Nullable Object value, int depth) {
    if (depth > DEEPEST) {
      throw Raised.limit("a value nested deeper than %d", DEEPEST);
    }
    return switch (value) {
      case null -> None.NONE;
      case String s -> s;
      case Boolean b -> b;
      case Long n -> n;
      case Integer n -> (long) n;
      case Double d -> d;
      case Map<?, ?> map -> {
        var dict = new Dict();
        map.forEach((key, item) -> dict.put(of(key, depth + 1), of(item, depth + 1)));
        yield dict;
      }
      case Iterable<?> items -> {
        var list = new ArrayList<Object>();
        items.forEach(item -> list.add(of(item, depth + 1)));
        yield list;
      }
      case Object[] items -> {
        var list = new ArrayList<Object>(items.length);
        for (var item : items) {
          list.add(of(item, depth + 1));
        }
        yield list;
      }
      case Short n -> (long) n;
      case Byte n -> (long) n;
      case BigInteger n -> Numbers.integer(n);
      case Float f -> (double) f;
      case BigDecimal d -> d.doubleValue();
      case CharSequence s -> s.toString();
      case Character c -> c.toString();
      default ->
          throw new IllegalArgumentException("no template knows a " + value.getClass().getName());
    };
  }

  static String nameOf(Object value) {
    return switch (value) {
      case String _ -> "str";
      case Markup _ -> "Markup";
      case Long _, BigInteger _ -> "int";
      case Double _ -> "float";
      case Boolean _ -> "bool";
      case None _ -> "NoneType";
      case Range _ -> "range";
      case List<?> _ -> "list";
      case Tuple tuple -> tuple.group() ? "_GroupTuple" : "tuple";
      case Dict _ -> "dict";
      case DictView view -> view.type();
      case Undefined _ -> "Undefined";
      case Generator generator -> generator.type();
      case Namespace _ -> "Namespace";
      case LoopState _ -> "LoopContext";
      case Macro _ -> "Macro";
      case Cycler _ -> "Cycler";
      case Joiner _ -> "Joiner";
      case BoundMethod _ -> "builtin_function_or_method";
      default -> "function";
    };
  }

  static boolean isString(Object value) {
    return value instanceof String || value instanceof Markup;
  }

  static boolean isNumber(Object value) {
    return value instanceof Long
        || value instanceof Double
        || value instanceof Boolean
        || value instanceof BigInteger;
  }

  static boolean isInteger(Object value) {
    return value instanceof Long || value instanceof Boolean || value instanceof BigInteger;
  }

  static boolean isCallable(Object value) {
    return value instanceof TemplateFunction || value instanceof Undefined;
  }

  /// Python's `bool(value)`.
  static boolean truth(Object value) {
    return switch (value) {
      case Boolean b -> b;
      case String s -> !s.isEmpty();
      case None _, Undefined _ -> false;
      case Long n -> n != 0;
      case Double d -> d != 0;
      case List<?> list -> !list.isEmpty();
      case Dict dict -> !dict.isEmpty();
      case Tuple tuple -> !tuple.items().isEmpty();
      case Markup markup -> !markup.text().isEmpty();
      case DictView view -> !view.dict().isEmpty();
      case LoopState loop -> loop.length() != 0;
      default -> true; // BigInteger is never small
    };
  }

  /// The text of a str.
  static String string(Object value, String what) {
    return switch (value) {
      case String s -> s;
      case Markup markup -> markup.text();
      default -> throw Raised.typeError("%s must be str, not %s", what, nameOf(value));
    };
  }

  /// An int that fits, for counts and widths.
  static int index(Object value) {
    return switch (value) {
      case Long n -> Math.clamp(n, Integer.MIN_VALUE, Integer.MAX_VALUE);
      case Boolean b -> b ? 1 : 0;
      case BigInteger n -> n.signum() < 0 ? Integer.MIN_VALUE : Integer.MAX_VALUE;
      case Undefined undefined -> throw undefined.raise();
      default ->
          throw Raised.typeError("'%s' object cannot be interpreted as an integer", nameOf(value));
    };
  }
}
