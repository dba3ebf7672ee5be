package io.dejavu.template;

import java.math.BigInteger;
import java.util.List;

/// `format % values`, Python's printf.
final class PercentFormat {
  private final Rendering rendering;
  private final String format;
  private final Object values;
  private final boolean escapes;
  private final StringBuilder out = new StringBuilder();
  private int at;
  private int used; // values taken from the tuple

  private PercentFormat(Rendering rendering, Object format, Object values) {
    this.rendering = rendering;
    this.format = Text.str(format);
    this.values = values;
    this.escapes = format instanceof Markup;
  }

  static Object format(Rendering r, Object format, Object values) {
    var formatter = new PercentFormat(r, format, values);
    String text = formatter.run();
    return formatter.escapes ? new Markup(text) : text;
  }

  private String run() {
    while (true) {
      int percent = format.indexOf('%', at);
      if (percent < 0) {
        rendering.write(out, format.substring(at));
        break;
      }
      rendering.write(out, format.substring(at, percent));
      at = percent + 1;
      conversion();
    }
    boolean tuple = values instanceof Tuple;
    int count = tuple ? ((Tuple) values).items().size() : 1;
    boolean mapping =
        values instanceof Dict || values instanceof List<?> || values instanceof Undefined;
    if (used < count && !mapping && !(values instanceof Markup && used > 0)) {
      throw Raised.typeError("not all arguments converted during string formatting");
    }
    return out.toString();
  }

  private char here() {
    if (at >= format.length()) {
      throw Raised.valueError("incomplete format");
    }
    return format.charAt(at);
  }

  private void conversion() {
    Object named = null;
    if (here() == '(') {
      named = named();
    }
    String flags = "";
    while ("-+ #0".indexOf(here()) >= 0) {
      flags += here();
      at++;
    }
    int width = 0;
    if (here() == '*') {
      at++;
      width = Types.index(next());
      if (width < 0) {
        flags += "-";
        width = -width;
      }
    } else {
      width = number();
    }
    int precision = -1;
    if (here() == '.') {
      at++;
      if (here() == '*') {
        at++;
        precision = Math.max(0, Types.index(next()));
      } else {
        precision = number();
      }
    }
    while ("hlL".indexOf(here()) >= 0) {
      at++;
    }
    char kind = here();
    at++;
    if (kind == '%') {
      rendering.write(out, "%");
      return;
    }
    convert(kind, named == null ? next() : named, flags, width, precision);
  }

  private Object named() {
    if (!(values instanceof Dict dict)) {
      throw Raised.typeError("format requires a mapping");
    }
    int depth = 1;
    int start = ++at;
    while (depth > 0) {
      char c = at < format.length() ? format.charAt(at) : 0;
      if (c == 0) {
        throw Raised.valueError("incomplete format key");
      }
      depth += c == '(' ? 1 : c == ')' ? -1 : 0;
      at++;
    }
    String key = format.substring(start, at - 1);
    var value = dict.get(key);
    if (value == null) {
      throw new Raised("KeyError", Text.repr(key));
    }
    used = 1;
    return value;
  }

  private int number() {
    long number = 0;
    while (here() >= '0' && here() <= '9') {
      number = Math.min(number * 10 + here() - '0', Integer.MAX_VALUE);
      at++;
    }
    return (int) number;
  }

  private Object next() {
    if (values instanceof Tuple tuple) {
      if (used >= tuple.items().size()) {
        throw Raised.typeError("not enough arguments for format string");
      }
      return tuple.items().get(used++);
    }
    if (used > 0) {
      throw Raised.typeError("not enough arguments for format string");
    }
    used = 1;
    return values;
  }

  private void convert(char kind, Object value, String flags, int width, int precision) {
    String sign = "";
    String body;
    switch (kind) {
      case 's', 'r', 'a' -> {
        body = kind == 's' ? Text.str(rendering, value) : Text.repr(value);
        if (escapes && !(kind == 's' && value instanceof Markup)) {
          body = Markup.escaped(body);
        }
        body = cut(body, precision);
      }
      case 'c' -> body = character(value);
      case 'd', 'i', 'u', 'x', 'X', 'o' -> {
        var n = integer(kind, value);
        sign = sign(n.signum() < 0, flags);
        body = digits(kind, n.abs(), flags.contains("#"), precision);
      }
      case 'e', 'E', 'f', 'F', 'g', 'G' -> {
        double d = real(value);
        sign = sign(d < 0 || d == 0 && 1 / d < 0, flags);
        body = FloatFormat.format(d, kind, precision < 0 ? 6 : precision, flags.contains("#"));
      }
      default ->
          throw Raised.valueError(
              "unsupported format character '%s' (0x%x) at index %d", kind, (int) kind, at - 1);
    }
    write(sign, body, flags, width, "sracC".indexOf(kind) < 0);
  }

  private void write(String sign, String body, String flags, int width, boolean number) {
    int missing = width - CodePoints.count(sign) - CodePoints.count(body);
    if (missing <= 0) {
      rendering.write(out, sign + body);
    } else if (flags.contains("-")) {
      rendering.write(out, sign + body + rendering.repeat(" ", missing));
    } else if (number && flags.contains("0")) {
      int prefix = body.length() > 1 && "xXo".indexOf(body.charAt(1)) >= 0 ? 2 : 0;
      rendering.write(
          out,
          sign
              + body.substring(0, prefix)
              + rendering.repeat("0", missing)
              + body.substring(prefix));
    } else {
      rendering.write(out, rendering.repeat(" ", missing) + sign + body);
    }
  }

  private static String cut(String text, int precision) {
    return precision < 0 || precision >= CodePoints.count(text)
        ? text
        : text.substring(0, CodePoints.offset(text, precision));
  }

  private static String sign(boolean negative, String flags) {
    return negative ? "-" : flags.contains("+") ? "+" : flags.contains(" ") ? " " : "";
  }

  private static String character(Object value) {
    if (Types.isString(value) && CodePoints.count(Text.str(value)) == 1) {
      return Text.str(value);
    }
    if (value instanceof Long n
        && Character.isValidCodePoint((int) (long) n)
        && n == (int) (long) n) {
      return Character.toString((int) (long) n);
    }
    throw Raised.typeError("%%c requires int or char");
  }

  private static BigInteger integer(char kind, Object value) {
    if (Types.isInteger(value)) {
      return Numbers.big(value);
    }
    if (value instanceof Undefined undefined) {
      throw undefined.raise();
    }
    if (value instanceof Double d && "diu".indexOf(kind) >= 0) {
      return Numbers.big(Numbers.truncate(d));
    }
    throw "diu".indexOf(kind) >= 0
        ? Raised.typeError(
            "%%%s format: a real number is required, not %s", kind, Types.nameOf(value))
        : Raised.typeError(
            "%%%s format: an integer is required, not %s", kind, Types.nameOf(value));
  }

  private static String digits(char kind, BigInteger n, boolean prefixed, int precision) {
    String digits =
        switch (kind) {
          case 'x' -> n.toString(16);
          case 'X' -> PythonText.upper(n.toString(16));
          case 'o' -> n.toString(8);
          default -> Text.repr(Numbers.integer(n));
        };
    if (precision > 10_000) {
      throw Raised.limit("a number of %d digits", precision);
    }
    digits = "0".repeat(Math.max(0, precision - digits.length())) + digits;
    return prefixed && "xXo".indexOf(kind) >= 0 ? "0" + kind + digits : digits;
  }

  private static double real(Object value) {
    if (value instanceof Undefined undefined) {
      throw undefined.raise();
    }
    if (!Types.isNumber(value)) {
      throw Raised.typeError("must be real number, not %s", Types.nameOf(value));
    }
    return Numbers.real(value);
  }
}
