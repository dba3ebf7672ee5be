package io.dejavu.template;

import io.dejavu.template.Arguments.Bound;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/// The methods of str.
final class StringMethods {
  private static final Map<String, Method> METHODS = new HashMap<>();

  @FunctionalInterface
  private interface Method {
    Object call(Rendering r, String text, Arguments arguments);
  }

  /// Methods of Markup that escape the text they are given.
  private static final Set<String> ESCAPING =
      Set.of(
          "replace",
          "ljust",
          "rjust",
          "center",
          "strip",
          "lstrip",
          "rstrip",
          "removeprefix",
          "removesuffix",
          "partition",
          "rpartition");

  private static void add(String name, Method method) {
    METHODS.put(name, method);
  }

  static {
    add("upper", (r, s, a) -> none(a, "upper", r.text(PythonText.upper(s))));
    add("lower", (r, s, a) -> none(a, "lower", r.text(PythonText.lower(s))));
    add("casefold", (r, s, a) -> none(a, "casefold", r.text(PythonText.caseFold(s))));
    add("title", (r, s, a) -> none(a, "title", r.text(PythonText.title(s))));
    add("capitalize", (r, s, a) -> none(a, "capitalize", r.text(PythonText.capitalize(s))));
    add("swapcase", (r, s, a) -> none(a, "swapcase", r.text(PythonText.swapCase(s))));
    add("strip", (_, s, a) -> strip(s, a, "strip", true, true));
    add("lstrip", (_, s, a) -> strip(s, a, "lstrip", true, false));
    add("rstrip", (_, s, a) -> strip(s, a, "rstrip", false, true));
    add("split", (r, s, a) -> split(r, s, a, false));
    add("rsplit", (r, s, a) -> split(r, s, a, true));
    add("splitlines", StringMethods::splitLines);
    add("startswith", (_, s, a) -> affix(s, a, "startswith", true));
    add("endswith", (_, s, a) -> affix(s, a, "endswith", false));
    add("removeprefix", (_, s, a) -> remove(s, a, true));
    add("removesuffix", (_, s, a) -> remove(s, a, false));
    add("replace", StringMethods::replace);
    add("join", StringMethods::join);
    add("find", (_, s, a) -> found(s, a, "find", false));
    add("rfind", (_, s, a) -> found(s, a, "rfind", true));
    add("index", (_, s, a) -> required(found(s, a, "index", false)));
    add("rindex", (_, s, a) -> required(found(s, a, "rindex", true)));
    add("count", StringMethods::count);
    add("partition", (_, s, a) -> partition(s, a, false));
    add("rpartition", (_, s, a) -> partition(s, a, true));
    add("zfill", StringMethods::zfill);
    add("center", (r, s, a) -> pad(r, s, a, "center"));
    add("ljust", (r, s, a) -> pad(r, s, a, "ljust"));
    add("rjust", (r, s, a) -> pad(r, s, a, "rjust"));
    add("expandtabs", StringMethods::expandTabs);
    add("format", (r, s, a) -> BraceFormat.format(r, s, a, false));
    add("format_map", (r, s, a) -> BraceFormat.format(r, s, mapped(a), false));
    test("isalpha", Character::isLetter);
    test("isdigit", PythonText::isDigit);
    test("isdecimal", Character::isDigit);
    test("isnumeric", PythonText::isNumeric);
    test("isalnum", c -> Character.isLetter(c) || PythonText.isNumeric(c));
    test("isspace", CodePoints::isSpace);
    add("isascii", (_, s, a) -> none(a, "isascii", s.chars().allMatch(c -> c < 0x80)));
    add(
        "isprintable",
        (_, s, a) -> none(a, "isprintable", s.codePoints().allMatch(Text::isPrintable)));
    add("isupper", (_, s, a) -> none(a, "isupper", PythonText.isCased(s, true)));
    add("islower", (_, s, a) -> none(a, "islower", PythonText.isCased(s, false)));
    add("istitle", (_, s, a) -> none(a, "istitle", PythonText.isTitle(s)));
    add("isidentifier", (_, s, a) -> none(a, "isidentifier", PythonText.isIdentifier(s)));
  }

  private StringMethods() {}

  static @Nullable Object method(Object self, String text, String name) {
    var method = METHODS.get(name);
    if (method == null) {
      return null;
    }
    boolean markup = self instanceof Markup;
    return new BoundMethod(
        self,
        name,
        (r, arguments) -> {
          r.work(text.length());
          return markup
              ? ofMarkup(r, name, method, text, arguments)
              : method.call(r, text, arguments);
        });
  }

  /// As MarkupSafe does it: what comes in gets escaped, what comes out is Markup.
  private static Object ofMarkup(
      Rendering r, String name, Method method, String text, Arguments arguments) {
    Object result =
        switch (name) {
          case "format" -> BraceFormat.format(r, text, arguments, true);
          case "format_map" -> BraceFormat.format(r, text, mapped(arguments), true);
          case "join" -> {
            var items = Iteration.list(r, arguments.bindPositional("join", 1, 1).at(0));
            items.replaceAll(item -> escaped(r, item));
            yield method.call(r, text, Arguments.of((Object) items));
          }
          default -> {
            var escaped = new ArrayList<>(arguments.positional());
            if (ESCAPING.contains(name)) {
              escaped.replaceAll(item -> Types.isString(item) ? escaped(r, item) : item);
            }
            yield method.call(r, text, new Arguments(escaped, arguments.named()));
          }
        };
    return switch (result) {
      case String made -> new Markup(made);
      case List<?> parts -> marked(parts);
      case Tuple(List<Object> parts, boolean _) -> new Tuple(marked(parts));
      default -> result;
    };
  }

  private static Object escaped(Rendering r, Object value) {
    return Markup.escape(value, Text.str(r, value)).text();
  }

  private static List<Object> marked(List<?> parts) {
    var marked = new ArrayList<Object>(parts.size());
    parts.forEach(part -> marked.add(part instanceof String s ? new Markup(s) : part));
    return marked;
  }

  private static Arguments mapped(Arguments arguments) {
    var named = new HashMap<String, Object>();
    for (var entry : Members.entries(arguments.bindPositional("format_map", 1, 1).at(0))) {
      named.put(Text.str(entry.getKey()), entry.getValue());
    }
    return new Arguments(List.of(), named);
  }

  private static Object none(Arguments arguments, String name, Object result) {
    arguments.bindPositional(name, 0, 0);
    return result;
  }

  private static void test(String name, IntPredicate test) {
    add(name, (_, s, a) -> none(a, name, !s.isEmpty() && s.codePoints().allMatch(test)));
  }

  private static String argument(Bound bound, int i, String function) {
    return Types.string(bound.at(i), function + "() argument " + (i + 1));
  }

  private static Object strip(
      String s, Arguments arguments, String name, boolean start, boolean end) {
    var chars = arguments.bindPositional(name, 0, 1).orNull(0);
    return PythonText.strip(
        s, chars == null ? null : Types.string(chars, name + " arg"), start, end);
  }

  private static Object split(Rendering r, String s, Arguments arguments, boolean fromEnd) {
    String name = fromEnd ? "rsplit" : "split";
    var bound = arguments.bind(name, 0, "sep", "maxsplit");
    var separator = bound.orNull(0);
    int most = bound.index(1, -1);
    var parts =
        separator == null
            ? PythonText.words(s, most, fromEnd)
            : PythonText.split(s, Types.string(separator, name + " sep"), most, fromEnd);
    r.items(parts.size());
    return parts;
  }

  private static Object splitLines(Rendering r, String s, Arguments arguments) {
    var lines = PythonText.lines(s, arguments.bind("splitlines", 0, "keepends").flag(0));
    r.items(lines.size());
    return lines;
  }

  private static Object affix(String s, Arguments arguments, String name, boolean start) {
    var bound = arguments.bindPositional(name, 1, 3);
    String text = part(s, bound);
    if (text == null) {
      return false;
    }
    List<Object> affixes =
        bound.at(0) instanceof Tuple tuple ? tuple.items() : List.of(bound.at(0));
    for (Object affix : affixes) {
      if (!Types.isString(affix)) {
        throw Raised.typeError(
            "%s first arg must be str or a tuple of str, not %s", name, Types.nameOf(affix));
      }
      String one = Text.str(affix);
      if (start ? text.startsWith(one) : text.endsWith(one)) {
        return true;
      }
    }
    return false;
  }

  /// `s[start:end]` of a method's second and third argument; null if it starts behind its end.
  private static @Nullable String part(String s, Bound bound) {
    var start = bound.orNull(1);
    var end = bound.orNull(2);
    if (start == null && end == null) {
      return s;
    }
    int size = CodePoints.count(s);
    int from = start == null ? 0 : Types.index(start);
    int to = end == null ? size : Types.index(end);
    from = from < 0 ? Math.max(0, from + size) : from;
    to = to < 0 ? Math.max(0, to + size) : Math.min(to, size);
    if (from > to) {
      return null;
    }
    return s.substring(CodePoints.offset(s, from), CodePoints.offset(s, to));
  }

  private static Object remove(String s, Arguments arguments, boolean prefix) {
    String name = prefix ? "removeprefix" : "removesuffix";
    String affix = argument(arguments.bindPositional(name, 1, 1), 0, name);
    if (prefix) {
      return s.startsWith(affix) ? s.substring(affix.length()) : s;
    }
    return s.endsWith(affix) ? s.substring(0, s.length() - affix.length()) : s;
  }

  private static Object replace(Rendering r, String s, Arguments arguments) {
    var bound = arguments.bindPositional("replace", 2, 3);
    return PythonText.replace(
        r, s, argument(bound, 0, "replace"), argument(bound, 1, "replace"), bound.index(2, -1));
  }

  private static Object join(Rendering r, String s, Arguments arguments) {
    var items = Iteration.of(arguments.bindPositional("join", 1, 1).at(0));
    var text = new StringBuilder();
    for (int i = 0; items.hasNext(); i++) {
      r.step();
      Object item = items.next();
      if (!Types.isString(item)) {
        throw Raised.typeError(
            "sequence item %d: expected str instance, %s found", i, Types.nameOf(item));
      }
      if (i > 0) {
        r.write(text, s);
      }
      r.write(text, Text.str(item));
    }
    return text.toString();
  }

  private static Object found(String s, Arguments arguments, String name, boolean last) {
    var bound = arguments.bindPositional(name, 1, 3);
    String wanted = argument(bound, 0, name);
    String text = part(s, bound);
    int at = text == null ? -1 : last ? text.lastIndexOf(wanted) : text.indexOf(wanted);
    if (text == null || at < 0) {
      return -1L;
    }
    int size = CodePoints.count(s);
    int from = bound.orNull(1) == null ? 0 : bound.index(1, 0);
    return (long) (from < 0 ? Math.max(0, from + size) : from) + text.codePointCount(0, at);
  }

  private static Object required(Object index) {
    if (index.equals(-1L)) {
      throw Raised.valueError("substring not found");
    }
    return index;
  }

  private static Object count(Rendering r, String s, Arguments arguments) {
    var bound = arguments.bindPositional("count", 1, 3);
    String wanted = argument(bound, 0, "count");
    String text = part(s, bound);
    if (text == null) {
      return 0L;
    }
    if (wanted.isEmpty()) {
      return CodePoints.count(text) + 1L;
    }
    long count = 0;
    for (int i = text.indexOf(wanted); i >= 0; i = text.indexOf(wanted, i + wanted.length())) {
      count++;
    }
    return count;
  }

  private static Object partition(String s, Arguments arguments, boolean last) {
    String name = last ? "rpartition" : "partition";
    String separator = argument(arguments.bindPositional(name, 1, 1), 0, name);
    if (separator.isEmpty()) {
      throw Raised.valueError("empty separator");
    }
    int at = last ? s.lastIndexOf(separator) : s.indexOf(separator);
    if (at < 0) {
      return last ? Tuple.of("", "", s) : Tuple.of(s, "", "");
    }
    return Tuple.of(s.substring(0, at), separator, s.substring(at + separator.length()));
  }

  private static Object zfill(Rendering r, String s, Arguments arguments) {
    int width = arguments.bindPositional("zfill", 1, 1).index(0, 0);
    int missing = width - CodePoints.count(s);
    if (missing <= 0) {
      return s;
    }
    int sign = s.startsWith("-") || s.startsWith("+") ? 1 : 0;
    return s.substring(0, sign) + r.repeat("0", missing) + s.substring(sign);
  }

  private static Object pad(Rendering r, String s, Arguments arguments, String name) {
    var bound = arguments.bindPositional(name, 1, 2);
    String fill = bound.has(1) ? argument(bound, 1, name) : " ";
    if (CodePoints.count(fill) != 1) {
      throw Raised.typeError("The fill character must be exactly one character long");
    }
    return PythonText.pad(r, s, bound.index(0, 0), fill, name);
  }

  private static Object expandTabs(Rendering r, String s, Arguments arguments) {
    int width = arguments.bind("expandtabs", 0, "tabsize").index(0, 8);
    var text = new StringBuilder();
    int column = 0;
    for (int i = 0; i < s.length(); i++) {
      char c = s.charAt(i);
      if (c == '\t') {
        int spaces = width <= 0 ? 0 : width - column % width;
        r.write(text, r.repeat(" ", spaces));
        column += spaces;
      } else {
        text.append(c);
        column = c == '\n' || c == '\r' ? 0 : column + (Character.isLowSurrogate(c) ? 0 : 1);
      }
    }
    return text.toString();
  }
}
