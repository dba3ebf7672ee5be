package io.dejavu.template;

import java.math.BigInteger;

/// What stands behind the colon in `{:*>+10,.2f}`: Python's mini-language for one value.
final class FormatSpec {
  private final String spec;
  private int at;

  private String fill = " ";
  private char align; // 0: as the type likes it
  private char sign = '-';
  private boolean alternate;
  private boolean zero;
  private int width;
  private char grouping; // 0, ',' or '_'
  private int precision = -1;
  private char type; // 0: none

  private FormatSpec(String spec) {
    this.spec = spec;
    parse();
  }

  static String format(Rendering r, Object value, String spec) {
    if (spec.isEmpty()) {
      return Text.str(r, value);
    }
    if (!Types.isString(value) && !Types.isNumber(value)) {
      if (value instanceof Undefined) {
        throw Raised.typeError("unsupported format string passed to Undefined.__format__");
      }
      throw Raised.typeError(
          "unsupported format string passed to %s.__format__", Types.nameOf(value));
    }
    var parsed = new FormatSpec(spec);
    if (Types.isString(value)) {
      return parsed.text(r, Text.str(value));
    }
    return parsed.number(r, value);
  }

  private char here() {
    return at < spec.length() ? spec.charAt(at) : 0;
  }

  private void parse() {
    int first = spec.isEmpty() ? 0 : Character.charCount(spec.codePointAt(0));
    if (first < spec.length() && isAlign(spec.charAt(first))) {
      fill = spec.substring(0, first);
      align = spec.charAt(first);
      at = first + 1;
    } else if (isAlign(here())) {
      align = spec.charAt(at++);
    }
    if (here() == '+' || here() == '-' || here() == ' ') {
      sign = spec.charAt(at++);
    }
    if (here() == '#') {
      alternate = true;
      at++;
    }
    if (here() == '0') {
      zero = true;
      at++;
    }
    width = digits(0);
    if (here() == ',' || here() == '_') {
      grouping = spec.charAt(at++);
    }
    if (here() == '.') {
      at++;
      precision = digits(-1);
      if (precision < 0) {
        throw Raised.valueError("Format specifier missing precision");
      }
    }
    if (at < spec.length()) {
      type = spec.charAt(at++);
    }
    if (at < spec.length()) {
      throw Raised.valueError("Invalid format specifier");
    }
  }

  private static boolean isAlign(char c) {
    return c == '<' || c == '>' || c == '=' || c == '^';
  }

  private int digits(int none) {
    int start = at;
    long number = 0;
    while (here() >= '0' && here() <= '9') {
      number = Math.min(number * 10 + here() - '0', Integer.MAX_VALUE);
      at++;
    }
    return at == start ? none : (int) number;
  }

  private String text(Rendering r, String text) {
    if (type != 0 && type != 's') {
      throw Raised.valueError("Unknown format code '%s' for object of type 'str'", type);
    }
    if (align == '=') {
      throw Raised.valueError("'=' alignment not allowed in string format specifier");
    }
    if (sign != '-' || grouping != 0) {
      throw Raised.valueError("not allowed in string format specifier");
    }
    String cut =
        precision >= 0 && precision < CodePoints.count(text)
            ? text.substring(0, CodePoints.offset(text, precision))
            : text;
    if (zero && align == 0) {
      return pad(r, cut, "0", '<');
    }
    return pad(r, cut, fill, align == 0 ? '<' : align);
  }

  private String pad(Rendering r, String text, String with, char how) {
    int missing = width - CodePoints.count(text);
    if (missing <= 0) {
      return text;
    }
    r.willMake((long) text.length() + missing);
    return switch (how) {
      case '<' -> text + with.repeat(missing);
      case '^' -> with.repeat(missing / 2) + text + with.repeat(missing - missing / 2);
      default -> with.repeat(missing) + text;
    };
  }

  private String number(Rendering r, Object value) {
    boolean real = value instanceof Double;
    char kind = type;
    if (!real && (kind == 0 || "dbcoxXn".indexOf(kind) >= 0)) {
      return integer(r, Numbers.big(value));
    }
    if (kind != 0 && "eEfFgGn%".indexOf(kind) < 0) {
      throw Raised.valueError(
          "Unknown format code '%s' for object of type '%s'", kind, Types.nameOf(value));
    }
    double d = Numbers.real(value);
    String body =
        switch (kind) {
          case 0 -> shortest(d);
          case '%' ->
              FloatFormat.format(d * 100, 'f', precision < 0 ? 6 : precision, alternate) + "%";
          case 'n' -> FloatFormat.format(d, 'g', precision < 0 ? 6 : precision, alternate);
          default -> FloatFormat.format(d, kind, precision < 0 ? 6 : precision, alternate);
        };
    return signed(r, d < 0 || d == 0 && 1 / d < 0, "", body);
  }

  private String shortest(double d) {
    if (precision < 0) {
      String text = Text.number(d);
      return text.startsWith("-") ? text.substring(1) : text;
    }
    String text = FloatFormat.format(d, 'g', precision, alternate);
    // As `g`, but what looks like an int gets its point, and scientific starts a digit earlier.
    int whole = text.indexOf('e') < 0 && text.indexOf('.') < 0 ? text.length() : 0;
    if (whole == 0 || !Character.isDigit(text.charAt(0))) {
      return text;
    }
    return whole >= Math.max(1, precision)
        ? withoutZeros(FloatFormat.format(d, 'e', Math.max(0, precision - 1), false))
        : text + ".0";
  }

  private static String withoutZeros(String scientific) {
    int e = scientific.indexOf('e');
    String digits = scientific.substring(0, e);
    while (digits.contains(".") && (digits.endsWith("0") || digits.endsWith("."))) {
      digits = digits.substring(0, digits.length() - 1);
    }
    return digits + scientific.substring(e);
  }

  private String integer(Rendering r, BigInteger n) {
    if (precision >= 0) {
      throw Raised.valueError("Precision not allowed in integer format specifier");
    }
    var size = n.abs();
    return switch (type) {
      case 'c' -> {
        if (sign != '-' || n.signum() < 0 || n.bitLength() > 20) {
          throw new Raised("OverflowError", "a character's number is not in range(0x110000)");
        }
        yield pad(r, Character.toString(n.intValue()), fill, align == 0 ? '<' : align);
      }
      case 'x' -> signed(r, n.signum() < 0, alternate ? "0x" : "", size.toString(16));
      case 'X' ->
          signed(r, n.signum() < 0, alternate ? "0X" : "", PythonText.upper(size.toString(16)));
      case 'o' -> signed(r, n.signum() < 0, alternate ? "0o" : "", size.toString(8));
      case 'b' -> signed(r, n.signum() < 0, alternate ? "0b" : "", size.toString(2));
      default -> signed(r, n.signum() < 0, "", Text.repr(Numbers.integer(size)));
    };
  }

  private String signed(Rendering r, boolean negative, String prefix, String body) {
    String front = (negative ? "-" : sign == '+' ? "+" : sign == ' ' ? " " : "") + prefix;
    boolean zeros = zero && align == 0;
    String with = zeros ? "0" : fill;
    char how = zeros ? '=' : align == 0 ? '>' : align;
    String digits = body;
    if (grouping != 0) {
      boolean inside = how == '=' && with.equals("0");
      digits = grouped(body, inside ? width - front.length() : 0);
    }
    if (how != '=') {
      return pad(r, front + digits, with, how);
    }
    int missing = width - front.length() - digits.length();
    return missing <= 0 ? front + digits : front + r.repeat(with, missing) + digits;
  }

  /// Separators between groups of digits, with zeros in front up to a width.
  private String grouped(String body, int least) {
    if (least > 1_000_000) {
      throw Raised.limit("a number of %d digits", least);
    }
    int whole = 0;
    while (whole < body.length()
        && Character.digit(body.charAt(whole), 16) >= 0
        && (Character.isDigit(body.charAt(whole)) || "xXbo".indexOf(type) >= 0)) {
      whole++;
    }
    int size = "xXbo".indexOf(type) >= 0 && type != 0 ? 4 : 3;
    String rest = body.substring(whole);
    var out = new StringBuilder();
    int written = 0;
    for (int i = whole - 1; i >= 0 || out.length() + rest.length() < least; i--) {
      if (written > 0 && written % size == 0) {
        out.append(grouping);
        if (i < 0 && out.length() + rest.length() >= least) {
          out.append('0'); // a number never starts with a separator
          break;
        }
      }
      out.append(i >= 0 ? body.charAt(i) : '0');
      written++;
    }
    return out.reverse() + rest;
  }
}
