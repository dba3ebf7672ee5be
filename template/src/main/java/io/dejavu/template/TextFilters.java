package io.dejavu.template;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/// Filters about text.
final class TextFilters {
  private TextFilters() {}

  static void addTo(Map<String, Filters.Filter> filters) {
    filters.put("upper", (r, v, a) -> made(r, v, a, "upper", PythonText.upper(text(r, v))));
    filters.put("lower", (r, v, a) -> made(r, v, a, "lower", PythonText.lower(text(r, v))));
    filters.put(
        "capitalize", (r, v, a) -> made(r, v, a, "capitalize", PythonText.capitalize(text(r, v))));
    filters.put("title", (r, v, a) -> made(r, "", a, "title", title(text(r, v))));
    filters.put(
        "string", (r, v, a) -> v instanceof Markup ? v : made(r, v, a, "string", text(r, v)));
    filters.put("trim", TextFilters::trim);
    filters.put("center", TextFilters::center);
    filters.put("replace", TextFilters::replace);
    filters.put("format", TextFilters::format);
    filters.put("indent", TextFilters::indent);
    filters.put("truncate", TextFilters::truncate);
    filters.put("wordcount", TextFilters::wordCount);
    filters.put("wordwrap", TextFilters::wordWrap);
    filters.put("striptags", TextFilters::stripTags);
    filters.put("urlencode", TextFilters::urlEncode);
    filters.put("xmlattr", TextFilters::xmlAttributes);
    filters.put("safe", (r, v, a) -> new Markup(text(r, v)));
    filters.put("e", TextFilters::escape);
    filters.put("escape", TextFilters::escape);
    filters.put("forceescape", (r, v, a) -> new Markup(r.text(Markup.escaped(text(r, v)))));
  }

  /// The value as text, counted as work.
  private static String text(Rendering r, Object value) {
    String text = Text.str(r, value);
    r.work(text.length());
    return text;
  }

  private static Object made(
      Rendering r, Object from, Arguments arguments, String name, String text) {
    arguments.bind(name, 0);
    r.text(text);
    return from instanceof Markup ? new Markup(text) : text;
  }

  private static Object escape(Rendering r, Object value, Arguments arguments) {
    arguments.bindPositional("escape", 0, 0);
    return value instanceof Markup ? value : new Markup(r.text(Markup.escaped(text(r, value))));
  }

  /// Each word with a capital; a word begins after `-`, white space and opening brackets.
  private static String title(String text) {
    var out = new StringBuilder(text.length());
    int i = 0;
    while (i < text.length()) {
      int start = i;
      boolean between = isBetweenWords(text.charAt(i));
      while (i < text.length() && isBetweenWords(text.charAt(i)) == between) {
        i++;
      }
      String item = text.substring(start, i);
      int first = Character.charCount(item.codePointAt(0));
      out.append(PythonText.upper(item.substring(0, first)));
      out.append(PythonText.lower(item.substring(first)));
    }
    return out.toString();
  }

  private static boolean isBetweenWords(char c) {
    return c == '-' || c == '(' || c == '{' || c == '[' || c == '<' || CodePoints.isSpace(c);
  }

  private static Object trim(Rendering r, Object value, Arguments arguments) {
    var chars = arguments.bind("trim", 0, "chars").orNull(0);
    String text =
        PythonText.strip(
            text(r, value), chars == null ? null : Types.string(chars, "strip arg"), true, true);
    return value instanceof Markup ? new Markup(text) : text;
  }

  private static Object center(Rendering r, Object value, Arguments arguments) {
    int width = arguments.bind("center", 0, "width").index(0, 80);
    String text = PythonText.pad(r, text(r, value), width, " ", "center");
    return value instanceof Markup ? new Markup(text) : text;
  }

  private static Object replace(Rendering r, Object value, Arguments arguments) {
    var bound = arguments.bind("replace", 2, "old", "new", "count");
    var count = bound.orNull(2);
    return PythonText.replace(
        r,
        text(r, value),
        Text.str(r, bound.at(0)),
        Text.str(r, bound.at(1)),
        count == null ? -1 : Types.index(count));
  }

  private static Object format(Rendering r, Object value, Arguments arguments) {
    if (!arguments.positional().isEmpty() && !arguments.named().isEmpty()) {
      throw Raised.argument("can't handle positional and keyword arguments at the same time");
    }
    Object values = new Tuple(arguments.positional());
    if (!arguments.named().isEmpty()) {
      var dict = new Dict();
      arguments.named().forEach(dict::put);
      values = dict;
    }
    return PercentFormat.format(r, value instanceof Markup ? value : text(r, value), values);
  }

  private static Object indent(Rendering r, Object value, Arguments arguments) {
    var bound = arguments.bind("indent", 0, "width", "first", "blank");
    Object width = bound.at(0, 4L);
    String indent =
        Types.isString(width) ? Text.str(width) : r.repeat(" ", Math.max(0, Types.index(width)));
    if (value instanceof Undefined undefined) {
      throw undefined.raise();
    }
    if (!Types.isString(value)) {
      throw Raised.typeError(
          "unsupported operand type(s) for +=: '%s' and 'str'", Types.nameOf(value));
    }
    var lines = PythonText.lines(text(r, value) + "\n", false);
    var out = new StringBuilder();
    boolean blank = bound.flag(2);
    for (int i = 0; i < lines.size(); i++) {
      String line = (String) lines.get(i);
      if (i > 0) {
        out.append('\n');
      }
      if (i == 0 ? bound.flag(1) : blank || !line.isEmpty()) {
        r.write(out, indent);
      }
      r.write(out, line);
    }
    return value instanceof Markup ? new Markup(out.toString()) : out.toString();
  }

  private static Object truncate(Rendering r, Object value, Arguments arguments) {
    var bound = arguments.bind("truncate", 0, "length", "killwords", "end", "leeway");
    int length = bound.index(0, 255);
    String end = Types.string(bound.at(2, "..."), "end");
    int leeway = bound.orNull(3) == null ? 5 : bound.index(3, 5);
    int kept = length - CodePoints.count(end);
    if (kept < 0) {
      throw new Raised(
          "AssertionError",
          "expected length >= %d, got %d".formatted(CodePoints.count(end), length));
    }
    if (leeway < 0) {
      throw new Raised("AssertionError", "expected leeway >= 0, got %d".formatted(leeway));
    }
    if (!Types.isString(value)) {
      if (Iteration.length(value) <= (long) length + leeway) {
        return value;
      }
      throw Raised.typeError("%s cannot be truncated", Types.nameOf(value));
    }
    String text = text(r, value);
    if (CodePoints.count(text) <= (long) length + leeway) {
      return value;
    }
    String cut = text.substring(0, CodePoints.offset(text, kept));
    if (!bound.flag(1) && cut.indexOf(' ') >= 0) {
      cut = cut.substring(0, cut.lastIndexOf(' '));
    }
    return cut + end;
  }

  private static Object wordCount(Rendering r, Object value, Arguments arguments) {
    arguments.bind("wordcount", 0);
    long count = 0;
    boolean inWord = false;
    for (int c : text(r, value).codePoints().toArray()) {
      boolean word = c == '_' || Character.isLetter(c) || PythonText.isNumeric(c);
      if (word && !inWord) {
        count++;
      }
      inWord = word;
    }
    return count;
  }

  private static Object wordWrap(Rendering r, Object value, Arguments arguments) {
    var bound =
        arguments.bind(
            "wordwrap", 0, "width", "break_long_words", "wrapstring", "break_on_hyphens");
    if (value instanceof Undefined undefined) {
      throw undefined.raise();
    }
    if (!Types.isString(value)) {
      throw new Raised(
          "AttributeError",
          "'%s' object has no attribute 'splitlines'".formatted(Types.nameOf(value)));
    }
    var separator = bound.orNull(2);
    String between = separator == null ? "\n" : Types.string(separator, "wrapstring");
    var wrap =
        new WordWrap(
            bound.index(0, 79), Types.truth(bound.at(1, true)), Types.truth(bound.at(3, true)));
    r.items(8L * Text.str(value).length()); // slow, and nobody's business in a chat
    var out = new StringBuilder();
    boolean first = true;
    for (Object line : PythonText.lines(text(r, value), false)) {
      List<String> pieces = wrap.wrap((String) line);
      r.items(pieces.size());
      if (!first) {
        r.write(out, between);
      }
      first = false;
      for (int i = 0; i < pieces.size(); i++) {
        if (i > 0) {
          r.write(out, between);
        }
        r.write(out, pieces.get(i));
      }
    }
    return out.toString();
  }

  private static Object stripTags(Rendering r, Object value, Arguments arguments) {
    arguments.bind("striptags", 0);
    String text = text(r, value);
    text = without(text, "<!--", "-->");
    text = without(text, "<", ">");
    var words = new ArrayList<String>();
    PythonText.words(text, -1, false).forEach(word -> words.add((String) word));
    return HtmlText.unescape(String.join(" ", words));
  }

  private static String without(String text, String open, String close) {
    var out = new StringBuilder(text.length());
    int from = 0;
    while (true) {
      int start = text.indexOf(open, from);
      int end = start < 0 ? -1 : text.indexOf(close, start);
      if (end < 0) {
        return out.append(text, from, text.length()).toString();
      }
      out.append(text, from, start);
      from = end + close.length();
    }
  }

  private static Object urlEncode(Rendering r, Object value, Arguments arguments) {
    arguments.bind("urlencode", 0);
    if (Types.isString(value) || !Iteration.possible(value)) {
      return r.text(quoted(text(r, value), false));
    }
    var out = new StringBuilder();
    var pairs = value instanceof Dict dict ? dict.items().iterator() : Iteration.of(value);
    while (pairs.hasNext()) {
      var pair = Iteration.list(r, pairs.next());
      if (pair.size() != 2) {
        throw Raised.valueError("pairs are needed, of two items, not %d", pair.size());
      }
      r.write(out, out.isEmpty() ? "" : "&");
      r.write(out, quoted(text(r, pair.get(0)), true));
      r.write(out, "=");
      r.write(out, quoted(text(r, pair.get(1)), true));
    }
    return out.toString();
  }

  private static String quoted(String text, boolean query) {
    var out = new StringBuilder();
    for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
      char c = (char) (b & 0xff);
      if (c >= 'a' && c <= 'z'
          || c >= 'A' && c <= 'Z'
          || c >= '0' && c <= '9'
          || "_.-~".indexOf(c) >= 0
          || c == '/' && !query) {
        out.append(c);
      } else if (c == ' ' && query) {
        out.append('+');
      } else {
        out.append('%')
            .append(Character.toUpperCase(Character.forDigit(c >> 4, 16)))
            .append(Character.toUpperCase(Character.forDigit(c & 15, 16)));
      }
    }
    return out.toString();
  }

  private static Object xmlAttributes(Rendering r, Object value, Arguments arguments) {
    var bound = arguments.bind("xmlattr", 0, "autospace");
    if (!(value instanceof Dict dict)) {
      if (value instanceof Undefined undefined) {
        throw undefined.raise();
      }
      throw new Raised(
          "AttributeError", "'%s' object has no attribute 'items'".formatted(Types.nameOf(value)));
    }
    var out = new StringBuilder();
    for (var entry : dict.entries()) {
      Object item = entry.getValue();
      if (item == None.NONE || item instanceof Undefined) {
        continue;
      }
      String key = Types.string(entry.getKey(), "attribute name");
      if (key.chars()
          .anyMatch(c -> c == '/' || c == '>' || c == '=' || c == ' ' || c >= 9 && c <= 13)) {
        throw Raised.valueError("Invalid character in attribute name: %s", Text.repr(key));
      }
      r.write(out, out.isEmpty() ? "" : " ");
      r.write(out, Markup.escape(entry.getKey(), key).text());
      r.write(out, "=\"" + Markup.escape(item, Text.str(r, item)).text() + "\"");
    }
    boolean space = Types.truth(bound.at(0, true)) && !out.isEmpty();
    return space ? " " + out : out.toString();
  }
}
