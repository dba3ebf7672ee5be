package io.dejavu.template;

import java.util.Map;

/// `"{} {name.attribute[key]!r:>10}".format(…)`
final class BraceFormat {
  private final Rendering rendering;
  private final Arguments arguments;
  private final boolean escapes; // the format is Markup
  private int automatic; // next argument without a number; -1 once numbers were given

  private BraceFormat(Rendering rendering, Arguments arguments, boolean escapes) {
    this.escapes = escapes;
    this.rendering = rendering;
    this.arguments = arguments;
  }

  static String format(Rendering r, String format, Arguments arguments, boolean escapes) {
    return new BraceFormat(r, arguments, escapes).expand(format, 2);
  }

  private String expand(String format, int depth) {
    if (depth == 0) {
      throw Raised.valueError("Max string recursion exceeded");
    }
    var out = new StringBuilder();
    int i = 0;
    while (i < format.length()) {
      char c = format.charAt(i);
      boolean twice = i + 1 < format.length() && format.charAt(i + 1) == c;
      if (c != '{' && c != '}') {
        int end = i;
        while (end < format.length() && format.charAt(end) != '{' && format.charAt(end) != '}') {
          end++;
        }
        rendering.write(out, format.substring(i, end));
        i = end;
      } else if (twice) {
        rendering.write(out, Character.toString(c));
        i += 2;
      } else if (c == '}') {
        throw Raised.valueError("Single '}' encountered in format string");
      } else {
        int end = fieldEnd(format, i + 1);
        rendering.write(out, field(format.substring(i + 1, end), depth));
        i = end + 1;
      }
    }
    return out.toString();
  }

  private static int fieldEnd(String format, int from) {
    int depth = 1;
    for (int i = from; i < format.length(); i++) {
      depth += format.charAt(i) == '{' ? 1 : format.charAt(i) == '}' ? -1 : 0;
      if (depth == 0) {
        return i;
      }
    }
    throw Raised.valueError(
        from >= format.length()
            ? "Single '{' encountered in format string"
            : "expected '}' before end of string");
  }

  private String field(String field, int depth) {
    int end = 0;
    int brackets = 0;
    while (end < field.length()) {
      char c = field.charAt(end);
      brackets += c == '[' ? 1 : c == ']' && brackets > 0 ? -1 : 0;
      if (brackets == 0 && (c == ':' || c == '!')) {
        break;
      }
      end++;
    }
    Object value = value(field.substring(0, end));
    if (end < field.length() && field.charAt(end) == '!') {
      if (end + 1 >= field.length()) {
        throw Raised.valueError("end of string while looking for conversion specifier");
      }
      char conversion = field.charAt(end + 1);
      end += 2;
      value =
          switch (conversion) {
            case 's' -> Text.str(rendering, value);
            case 'r', 'a' -> Text.repr(value);
            default -> throw Raised.valueError("Unknown conversion specifier '%s'", conversion);
          };
      if (end < field.length() && field.charAt(end) != ':') {
        throw Raised.valueError("expected ':' after conversion specifier");
      }
    }
    String spec = end < field.length() ? expand(field.substring(end + 1), depth - 1) : "";
    String text = FormatSpec.format(rendering, value, spec);
    return escapes && !(value instanceof Markup) ? Markup.escaped(text) : text;
  }

  private Object value(String path) {
    int end = 0;
    while (end < path.length() && path.charAt(end) != '.' && path.charAt(end) != '[') {
      end++;
    }
    Object value = argument(path.substring(0, end));
    while (end < path.length()) {
      boolean attribute = path.charAt(end) == '.';
      int from = end + 1;
      end = from;
      while (end < path.length()
          && (attribute
              ? path.charAt(end) != '.' && path.charAt(end) != '['
              : path.charAt(end) != ']')) {
        end++;
      }
      String name = path.substring(from, end);
      if (name.isEmpty()) {
        throw Raised.valueError("Empty attribute in format string");
      }
      if (attribute) {
        value = Members.attribute(value, name);
      } else {
        value =
            Members.item(
                value,
                name.chars().allMatch(Character::isDigit) ? (Object) Long.parseLong(name) : name);
        end++;
      }
    }
    return value;
  }

  private Object argument(String name) {
    if (name.isEmpty() || name.chars().allMatch(c -> c >= '0' && c <= '9')) {
      if (name.isEmpty() == (automatic < 0) && (automatic != 0)) {
        throw Raised.valueError(
            "cannot switch between automatic field numbering and manual field specification");
      }
      int index;
      if (name.isEmpty()) {
        index = automatic++;
      } else {
        automatic = -1;
        index = name.length() > 9 ? Integer.MAX_VALUE : Integer.parseInt(name);
      }
      if (index >= arguments.positional().size()) {
        throw new Raised(
            "IndexError",
            "Replacement index %d out of range for positional args tuple".formatted(index));
      }
      return arguments.positional().get(index);
    }
    Map<String, Object> named = arguments.named();
    var value = named.get(name);
    if (value == null) {
      throw new Raised("KeyError", Text.repr(name));
    }
    return value;
  }
}
