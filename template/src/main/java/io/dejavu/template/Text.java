package io.dejavu.template;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.List;
import java.util.Locale;

/// Values as text: Python's `str` and `repr`.
final class Text {
  /// Python refuses to print longer ints, since that takes quadratic time.
  private static final int MOST_BITS = 14_284; // 4300 digits

  private static final int DEEPEST = 500;
  private static final int LONGEST = 16 << 20;

  private Text() {}

  static String str(Object value) {
    return switch (value) {
      case String s -> s;
      case Markup markup -> markup.text();
      case Long n -> Long.toString(n);
      case Boolean b -> b ? "True" : "False";
      case None _ -> "None";
      case Undefined _ -> "";
      case Double d -> number(d);
      default -> repr(value);
    };
  }

  /// As [#str], limited and counted.
  static String str(Rendering rendering, Object value) {
    if (value instanceof String s) {
      return s;
    }
    if (value instanceof List<?> || value instanceof Dict || value instanceof Tuple) {
      return rendering.text(print(rendering, value));
    }
    return str(value);
  }

  static String repr(Object value) {
    var out = new StringBuilder();
    append(out, value, 0, LONGEST);
    return out.toString();
  }

  private static String print(Rendering rendering, Object value) {
    var out = new StringBuilder();
    append(out, value, 0, rendering.longest());
    return out.toString();
  }

  private static void append(StringBuilder out, Object value, int depth, int longest) {
    if (depth > DEEPEST) {
      throw new Raised("RecursionError", "maximum recursion depth exceeded while getting the repr");
    }
    if (out.length() > longest) {
      throw Raised.limit("a text longer than %d", longest);
    }
    switch (value) {
      case String s -> quote(out, s);
      case Markup markup -> {
        out.append("Markup(");
        quote(out, markup.text());
        out.append(')');
      }
      case Undefined _ -> out.append("Undefined");
      case Range range -> out.append(range.repr());
      case List<?> list -> {
        out.append('[');
        appendItems(out, list, depth, longest);
        out.append(']');
      }
      case Tuple(List<Object> items, boolean _) -> {
        out.append('(');
        appendItems(out, items, depth, longest);
        out.append(items.size() == 1 ? ",)" : ")");
      }
      case Dict dict -> appendDict(out, dict, depth, longest);
      case DictView view -> {
        out.append(view.type()).append("([");
        appendItems(out, view.list(), depth, longest);
        out.append("])");
      }
      case Namespace namespace -> {
        out.append("<Namespace ");
        appendDict(out, namespace.attributes(), depth, longest);
        out.append('>');
      }
      case LoopState loop ->
          out.append("<LoopContext %d/%d>".formatted(loop.index0() + 1, loop.length()));
      case Macro macro -> out.append("<Macro %s>".formatted(repr(macro.name())));
      case BigInteger n -> {
        if (n.bitLength() > MOST_BITS) {
          throw Raised.valueError(
              "Exceeds the limit (4300 digits) for integer string conversion; use"
                  + " sys.set_int_max_str_digits() to increase the limit");
        }
        out.append(n);
      }
      case Long _, Boolean _, None _, Double _ -> out.append(str(value));
      default -> out.append("<%s object>".formatted(Types.nameOf(value)));
    }
  }

  private static void appendItems(StringBuilder out, List<?> items, int depth, int longest) {
    boolean first = true;
    for (Object item : items) {
      if (!first) {
        out.append(", ");
      }
      first = false;
      append(out, item, depth + 1, longest);
    }
  }

  private static void appendDict(StringBuilder out, Dict dict, int depth, int longest) {
    out.append('{');
    boolean first = true;
    for (var entry : dict.entries()) {
      if (!first) {
        out.append(", ");
      }
      first = false;
      append(out, entry.getKey(), depth + 1, longest);
      out.append(": ");
      append(out, entry.getValue(), depth + 1, longest);
    }
    out.append('}');
  }

  private static void quote(StringBuilder out, String text) {
    char quote = text.indexOf('\'') >= 0 && text.indexOf('"') < 0 ? '"' : '\'';
    out.append(quote);
    for (int i = 0; i < text.length(); ) {
      int c = text.codePointAt(i);
      i += Character.charCount(c);
      switch (c) {
        case '\n' -> out.append("\\n");
        case '\r' -> out.append("\\r");
        case '\t' -> out.append("\\t");
        case '\\' -> out.append("\\\\");
        default -> {
          if (c == quote) {
            out.append('\\').append(quote);
          } else if (isPrintable(c)) {
            out.appendCodePoint(c);
          } else if (c < 0x100) {
            out.append(String.format(Locale.ROOT, "\\x%02x", c));
          } else {
            out.append(String.format(Locale.ROOT, c < 0x10000 ? "\\u%04x" : "\\U%08x", c));
          }
        }
      }
    }
    out.append(quote);
  }

  static boolean isPrintable(int c) {
    if (c >= ' ' && c < 0x7f) {
      return true;
    }
    return switch (Character.getType(c)) {
      case Character.CONTROL,
          Character.FORMAT,
          Character.SURROGATE,
          Character.PRIVATE_USE,
          Character.UNASSIGNED,
          Character.LINE_SEPARATOR,
          Character.PARAGRAPH_SEPARATOR,
          Character.SPACE_SEPARATOR ->
          false;
      default -> true;
    };
  }

  /// Shortest digits that read back as the same float, in Python's notation.
  static String number(double d) {
    if (Double.isNaN(d)) {
      return "nan";
    }
    if (Double.isInfinite(d)) {
      return d > 0 ? "inf" : "-inf";
    }
    if (d == 0) {
      return 1 / d < 0 ? "-0.0" : "0.0";
    }
    var exact = new BigDecimal(Double.toString(d)).stripTrailingZeros();
    String digits = exact.unscaledValue().abs().toString();
    int point = digits.length() - exact.scale(); // 0.digits · 10^point
    String sign = d < 0 ? "-" : "";
    if (point > 16 || point <= -4) {
      int exponent = point - 1;
      String fraction = digits.length() > 1 ? "." + digits.substring(1) : "";
      return String.format(
          Locale.ROOT,
          "%s%s%se%s%02d",
          sign,
          digits.charAt(0),
          fraction,
          exponent < 0 ? "-" : "+",
          Math.abs(exponent));
    }
    if (point <= 0) {
      return sign + "0." + "0".repeat(-point) + digits;
    }
    if (digits.length() <= point) {
      return sign + digits + "0".repeat(point - digits.length()) + ".0";
    }
    return sign + digits.substring(0, point) + "." + digits.substring(point);
  }
}
