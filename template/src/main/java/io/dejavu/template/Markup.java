package io.dejavu.template;

/// Text that is HTML already: what `escape` and `safe` yield. Text added to it gets escaped.
record Markup(String text) {
  static Markup escape(Object value, String text) {
    return value instanceof Markup markup ? markup : new Markup(escaped(text));
  }

  static String escaped(String text) {
    var out = new StringBuilder(text.length() + 16);
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case '&' -> out.append("&amp;");
        case '<' -> out.append("&lt;");
        case '>' -> out.append("&gt;");
        case '"' -> out.append("&#34;");
        case '\'' -> out.append("&#39;");
        default -> out.append(c);
      }
    }
    return out.toString();
  }
}
