package io.dejavu.template;

import java.math.BigInteger;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Filters about numbers.
final class NumberFilters {
  private NumberFilters() {}

  static void addTo(Map<String, Filters.Filter> filters) {
    filters.put("abs", NumberFilters::abs);
    filters.put("int", NumberFilters::integer);
    filters.put("float", NumberFilters::real);
    filters.put("round", NumberFilters::round);
    filters.put("filesizeformat", NumberFilters::fileSize);
  }

  private static Object abs(Rendering r, Object value, Arguments arguments) {
    arguments.bindPositional("abs", 0, 0);
    if (value instanceof Undefined) {
      throw Raised.typeError("bad operand type for abs(): 'Undefined'");
    }
    if (!Types.isNumber(value)) {
      throw Raised.typeError("bad operand type for abs(): '%s'", Types.nameOf(value));
    }
    return Numbers.absolute(value);
  }

  private static Object integer(Rendering r, Object value, Arguments arguments) {
    var bound = arguments.bind("int", 0, "default", "base");
    if (value instanceof Undefined undefined) {
      throw undefined.raise();
    }
    Object fallback = bound.at(0, 0L);
    if (Types.isInteger(value)) {
      return Numbers.plus(value);
    }
    if (value instanceof Double d) {
      return Double.isNaN(d) || Double.isInfinite(d)
          ? fallbackOf(d, fallback)
          : Numbers.truncate(d);
    }
    if (!Types.isString(value)) {
      return fallback;
    }
    String text = Text.str(value);
    var n = parse(text, bound.index(1, 10));
    if (n != null) {
      return n;
    }
    var d = parseReal(text);
    return d == null || Double.isNaN(d) || Double.isInfinite(d) ? fallback : Numbers.truncate(d);
  }

  /// Python's `int(nan)` is a ValueError, which means the default; `int(inf)` an OverflowError.
  private static Object fallbackOf(double d, Object fallback) {
    return Double.isNaN(d) ? fallback : Numbers.truncate(d);
  }

  /// Python's `int(text, base)`; null if it is none.
  private static @Nullable Object parse(String text, int base) {
    if (base != 0 && (base < 2 || base > 36)) {
      return null;
    }
    String s = PythonText.strip(text, null, true, true);
    boolean negative = s.startsWith("-");
    if (negative || s.startsWith("+")) {
      s = s.substring(1);
    }
    int radix = base;
    String lower = s.toLowerCase(Locale.ROOT);
    int prefix =
        lower.startsWith("0x") ? 16 : lower.startsWith("0o") ? 8 : lower.startsWith("0b") ? 2 : 0;
    if (prefix != 0 && (base == 0 || base == prefix)) {
      radix = prefix;
      s = s.substring(s.length() > 2 && s.charAt(2) == '_' ? 3 : 2);
    } else if (base == 0) {
      radix = 10;
      if (s.length() > 1 && s.startsWith("0") && !s.chars().allMatch(c -> c == '0' || c == '_')) {
        return null;
      }
    }
    String digits = digits(s, radix);
    if (digits == null) {
      return null;
    }
    var n = new BigInteger(digits, radix);
    return Numbers.integer(negative ? n.negate() : n);
  }

  /// Digits without the single underscores between them; null if they are not digits.
  private static @Nullable String digits(String s, int radix) {
    if (s.isEmpty() || s.length() > 4300) {
      return null;
    }
    var out = new StringBuilder();
    boolean separated = true;
    for (int i = 0; i < s.length(); ) {
      int c = s.codePointAt(i);
      i += Character.charCount(c);
      if (c == '_') {
        if (separated) {
          return null;
        }
        separated = true;
        continue;
      }
      int digit = Character.digit(c, radix);
      boolean fullWidthLetter = c > 0x7f && !Character.isDigit(c);
      if (digit < 0 || fullWidthLetter) {
        return null;
      }
      out.append(Character.forDigit(digit, radix));
      separated = false;
    }
    return separated ? null : out.toString();
  }

  /// Python's `float(text)`; null if it is none.
  private static @Nullable Double parseReal(String text) {
    String s = PythonText.strip(text, null, true, true).toLowerCase(Locale.ROOT);
    String unsigned = s.startsWith("-") || s.startsWith("+") ? s.substring(1) : s;
    double sign = s.startsWith("-") ? -1 : 1;
    switch (unsigned) {
      case "inf", "infinity" -> {
        return sign * Double.POSITIVE_INFINITY;
      }
      case "nan" -> {
        return Double.NaN;
      }
      default -> {}
    }
    var plain = new StringBuilder();
    for (int i = 0; i < unsigned.length(); i++) {
      char c = unsigned.charAt(i);
      if (c == '_') {
        boolean between =
            i > 0
                && i + 1 < unsigned.length()
                && Character.isDigit(unsigned.charAt(i - 1))
                && Character.isDigit(unsigned.charAt(i + 1));
        if (!between) {
          return null;
        }
      } else if (Character.isDigit(c)) {
        plain.append(Character.digit(c, 10));
      } else if (".e+-".indexOf(c) >= 0) {
        plain.append(c);
      } else {
        return null; // Java would read hexadecimal floats and suffixes
      }
    }
    try {
      return sign * Double.parseDouble(plain.toString());
    } catch (NumberFormatException _) {
      return null;
    }
  }

  private static @Nullable Double number(Object value) {
    if (value instanceof Undefined undefined) {
      throw undefined.raise();
    }
    return Types.isNumber(value)
        ? (Double) Numbers.real(value)
        : Types.isString(value) ? parseReal(Text.str(value)) : null;
  }

  private static Object real(Rendering r, Object value, Arguments arguments) {
    var bound = arguments.bind("float", 0, "default");
    var d = number(value);
    return d == null ? bound.at(0, 0.0) : d;
  }

  private static Object round(Rendering r, Object value, Arguments arguments) {
    var bound = arguments.bind("round", 0, "precision", "method");
    String method = Text.str(bound.at(1, "common"));
    int digits = bound.index(0, 0);
    if (!method.equals("common") && !method.equals("ceil") && !method.equals("floor")) {
      throw Raised.argument("method must be common, ceil or floor");
    }
    if (value instanceof Undefined || !Types.isNumber(value)) {
      throw Raised.typeError("type %s doesn't define __round__ method", Types.nameOf(value));
    }
    if (method.equals("common")) {
      return Numbers.round(value, digits);
    }
    Object scale = Numbers.power(10L, (long) digits);
    Object scaled = Numbers.multiply(value, scale);
    Object whole = scaled;
    if (scaled instanceof Double d) {
      whole = Numbers.truncate(method.equals("ceil") ? Math.ceil(d) : Math.floor(d));
    }
    return Numbers.divide(whole, scale);
  }

  private static Object fileSize(Rendering r, Object value, Arguments arguments) {
    boolean binary = arguments.bind("filesizeformat", 0, "binary").flag(0);
    var size = number(value);
    if (size == null && !Types.isString(value)) {
      throw Raised.typeError(
          "float() argument must be a string or a real number, not '%s'", Types.nameOf(value));
    }
    if (size == null) {
      throw Raised.valueError("could not convert to float: %s", Text.repr(value));
    }
    double bytes = size;
    double base = binary ? 1024 : 1000;
    if (bytes == 1) {
      return "1 Byte";
    }
    if (bytes < base) {
      return Text.str(Numbers.truncate(bytes)) + " Bytes";
    }
    String prefixes = "kMGTPEZY";
    double unit = base;
    for (int i = 0; ; i++) {
      unit *= base;
      if (bytes < unit || i == prefixes.length() - 1) {
        String prefix = prefixes.substring(i, i + 1);
        return FloatFormat.format(base * bytes / unit, 'f', 1, false)
            + " "
            + (binary ? PythonText.upper(prefix) + "i" : prefix)
            + "B";
      }
    }
  }
}
