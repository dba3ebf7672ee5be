package io.dejavu.template;

import java.util.List;

/// Functions that every template can call.
final class Globals {
  static final Scope SCOPE = scope();

  private Globals() {}

  private static Scope scope() {
    var scope = new Scope(null);
    define(scope, "range", (_, arguments) -> range(arguments));
    define(scope, "dict", Globals::dict);
    define(scope, "namespace", Namespace::create);
    define(scope, "cycler", (_, arguments) -> cycler(arguments));
    define(
        scope,
        "joiner",
        (_, arguments) -> new Joiner(arguments.bind("joiner", 0, "sep").at(0, ", ")));
    define(
        scope,
        "raise_exception",
        (_, arguments) -> {
          throw new Refused(Text.str(arguments.bind("raise_exception", 1, "message").at(0)));
        });
    define(
        scope,
        "strftime_now",
        (r, arguments) -> {
          var format = arguments.bind("strftime_now", 1, "format").at(0);
          return r.text(Strftime.format(r.now(), Types.string(format, "strftime() argument 1")));
        });
    return scope;
  }

  private static void define(Scope scope, String name, TemplateFunction function) {
    scope.set(name, function);
  }

  private static Object range(Arguments arguments) {
    var bound = arguments.bindPositional("range", 1, 3);
    for (int i = 0; i < 3; i++) {
      if (bound.has(i)) {
        requireInteger(bound.at(i));
      }
    }
    long first = number(bound.at(0));
    if (!bound.has(1)) {
      return Range.of(0, first, 1);
    }
    return Range.of(first, number(bound.at(1)), number(bound.at(2, 1L)));
  }

  private static void requireInteger(Object value) {
    if (value instanceof Undefined undefined) {
      throw undefined.raise();
    }
    if (!Types.isInteger(value)) {
      throw Raised.typeError(
          "'%s' object cannot be interpreted as an integer", Types.nameOf(value));
    }
  }

  private static long number(Object value) {
    var n = Numbers.big(value);
    if (n.bitLength() > 62) {
      throw new Raised("OverflowError", "Python int too large to convert to C ssize_t");
    }
    return n.longValue();
  }

  /// `dict(mapping or pairs, **named)`
  static Dict dict(Rendering r, Arguments arguments) {
    var dict = new Dict();
    if (arguments.positional().size() > 1) {
      throw Raised.typeError(
          "dict expected at most 1 argument, got %d", arguments.positional().size());
    }
    if (arguments.positional().size() == 1) {
      Object from = arguments.positional().getFirst();
      if (from instanceof Dict other) {
        r.items(other.size());
        dict.putAll(other);
      } else {
        var pairs = Iteration.of(from);
        while (pairs.hasNext()) {
          List<Object> pair = Iteration.list(r, pairs.next());
          if (pair.size() != 2) {
            throw Raised.valueError(
                "dictionary update sequence element has length %d; 2 is required", pair.size());
          }
          dict.put(pair.get(0), pair.get(1));
        }
      }
    }
    arguments.named().forEach(dict::put);
    return dict;
  }

  private static Object cycler(Arguments arguments) {
    if (!arguments.named().isEmpty()) {
      throw Raised.typeError("cycler() takes no keyword arguments");
    }
    return new Cycler(List.copyOf(arguments.positional()));
  }
}
