package io.dejavu.template;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Python's `json.dumps`.
final class Json {
  private static final int DEEPEST = 500;

  private final Rendering rendering;
  private final boolean ascii;
  private final @Nullable String indent;
  private final String itemSeparator;
  private final String keySeparator;
  private final boolean sorted;
  private final StringBuilder out = new StringBuilder();

  private Json(
      Rendering rendering,
      boolean ascii,
      @Nullable String indent,
      String itemSeparator,
      String keySeparator,
      boolean sorted) {
    this.rendering = rendering;
    this.ascii = ascii;
    this.indent = indent;
    this.itemSeparator = itemSeparator;
    this.keySeparator = keySeparator;
    this.sorted = sorted;
  }

  /// The filter `tojson(ensure_ascii=false, indent=none, separators=none, sort_keys=false)`.
  static Object dumps(Rendering r, Object value, Arguments arguments) {
    var bound = arguments.bind("tojson", 0, "ensure_ascii", "indent", "separators", "sort_keys");
    var indent = indent(r, bound.orNull(1));
    String items = indent == null ? ", " : ",";
    String keys = ": ";
    var separators = bound.orNull(2);
    if (separators != null) {
      var pair = Iteration.list(r, separators);
      if (pair.size() != 2) {
        throw Raised.valueError("separators are two: between items, behind keys");
      }
      items = Types.string(pair.get(0), "separator");
      keys = Types.string(pair.get(1), "separator");
    }
    var json = new Json(r, bound.flag(0), indent, items, keys, bound.flag(3));
    json.append(value, 0);
    return r.text(json.out.toString());
  }

  private static @Nullable String indent(Rendering r, @Nullable Object indent) {
    if (indent == null) {
      return null;
    }
    return Types.isString(indent)
        ? Text.str(indent)
        : r.repeat(" ", Math.max(0, Types.index(indent)));
  }

  private void append(Object value, int depth) {
    rendering.step();
    if (depth > DEEPEST) {
      throw new Raised("RecursionError", "maximum recursion depth exceeded while encoding JSON");
    }
    if (out.length() > rendering.longest()) {
      throw Raised.limit("a text longer than %d", rendering.longest());
    }
    switch (value) {
      case String s -> quote(s);
      case Markup markup -> quote(markup.text());
      case None _ -> out.append("null");
      case Boolean b -> out.append(b);
      case Long n -> out.append(n);
      case BigInteger n -> out.append(Text.repr(n));
      case Double d -> out.append(number(d));
      case Range range -> throw unknown(range);
      case List<?> list -> array(list, depth);
      case Tuple tuple -> array(tuple.items(), depth);
      case Dict dict -> object(dict, depth);
      default -> throw unknown(value);
    }
  }

  private static Raised unknown(Object value) {
    return Raised.typeError("Object of type %s is not JSON serializable", Types.nameOf(value));
  }

  private static String number(double d) {
    if (Double.isNaN(d)) {
      return "NaN";
    }
    return Double.isInfinite(d) ? (d > 0 ? "Infinity" : "-Infinity") : Text.number(d);
  }

  private void array(List<?> items, int depth) {
    if (items.isEmpty()) {
      out.append("[]");
      return;
    }
    out.append('[');
    boolean first = true;
    for (Object item : items) {
      separate(first, depth + 1);
      first = false;
      append(item, depth + 1);
    }
    newLine(depth);
    out.append(']');
  }

  private void object(Dict dict, int depth) {
    if (dict.isEmpty()) {
      out.append("{}");
      return;
    }
    out.append('{');
    List<Map.Entry<Object, Object>> entries = dict.entries();
    if (sorted) {
      entries = new ArrayList<>(entries);
      Sorting.sort(rendering, entries, Map.Entry::getKey, false);
    }
    boolean first = true;
    for (var entry : entries) {
      separate(first, depth + 1);
      first = false;
      quote(key(entry.getKey()));
      out.append(keySeparator);
      append(entry.getValue(), depth + 1);
    }
    newLine(depth);
    out.append('}');
  }

  private static String key(Object key) {
    return switch (key) {
      case String s -> s;
      case Markup markup -> markup.text();
      case Boolean b -> b ? "true" : "false";
      case None _ -> "null";
      case Long n -> Long.toString(n);
      case BigInteger n -> Text.repr(n);
      case Double d -> number(d);
      default ->
          throw Raised.typeError(
              "keys must be str, int, float, bool or None, not %s", Types.nameOf(key));
    };
  }

  private void separate(boolean first, int depth) {
    if (!first) {
      out.append(itemSeparator);
    }
    newLine(depth);
  }

  private void newLine(int depth) {
    if (indent != null) {
      out.append('\n');
      for (int i = 0; i < depth; i++) {
        out.append(indent);
      }
    }
  }

  private void quote(String s) {
    out.append('"');
    int plain = 0; // start of what needs no escape
    for (int i = 0; i < s.length(); i++) {
      char c = s.charAt(i);
      if (c >= ' ' && c != '"' && c != '\\' && (c < 0x7f || !ascii)) {
        continue;
      }
      out.append(s, plain, i);
      plain = i + 1;
      switch (c) {
        case '"' -> out.append("\\\"");
        case '\\' -> out.append("\\\\");
        case '\n' -> out.append("\\n");
        case '\r' -> out.append("\\r");
        case '\t' -> out.append("\\t");
        case '\f' -> out.append("\\f");
        case '\b' -> out.append("\\b");
        default -> out.append(String.format(Locale.ROOT, "\\u%04x", (int) c));
      }
    }
    out.append(s, plain, s.length()).append('"');
  }
}
