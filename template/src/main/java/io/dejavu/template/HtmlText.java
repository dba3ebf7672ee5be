package io.dejavu.template;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Character references of HTML, the common ones and those by number.
final class HtmlText {
  private static final Map<String, String> NAMED =
      Map.ofEntries(
          Map.entry("amp", "&"),
          Map.entry("lt", "<"),
          Map.entry("gt", ">"),
          Map.entry("quot", "\""),
          Map.entry("apos", "'"),
          Map.entry("nbsp", "\u00a0"),
          Map.entry("copy", "©"),
          Map.entry("reg", "®"),
          Map.entry("trade", "™"),
          Map.entry("hellip", "…"),
          Map.entry("mdash", "—"),
          Map.entry("ndash", "–"),
          Map.entry("lsquo", "‘"),
          Map.entry("rsquo", "’"),
          Map.entry("ldquo", "“"),
          Map.entry("rdquo", "”"),
          Map.entry("laquo", "«"),
          Map.entry("raquo", "»"),
          Map.entry("middot", "·"),
          Map.entry("bull", "•"),
          Map.entry("euro", "€"));

  private HtmlText() {}

  static String unescape(String text) {
    var out = new StringBuilder(text.length());
    int from = 0;
    while (true) {
      int start = text.indexOf('&', from);
      int end = start < 0 ? -1 : text.indexOf(';', start);
      if (end < 0) {
        return out.append(text, from, text.length()).toString();
      }
      String character = end - start > 12 ? null : character(text.substring(start + 1, end));
      out.append(text, from, start);
      out.append(character == null ? "&" : character);
      from = character == null ? start + 1 : end + 1;
    }
  }

  private static @Nullable String character(String reference) {
    if (!reference.startsWith("#") || reference.length() < 2) {
      return NAMED.get(reference);
    }
    boolean hexadecimal = reference.charAt(1) == 'x' || reference.charAt(1) == 'X';
    int code = 0;
    String digits = reference.substring(hexadecimal ? 2 : 1);
    if (digits.isEmpty() || digits.length() > 7) {
      return null;
    }
    for (int i = 0; i < digits.length(); i++) {
      int digit = Character.digit(digits.charAt(i), hexadecimal ? 16 : 10);
      if (digit < 0) {
        return null;
      }
      code = code * (hexadecimal ? 16 : 10) + digit;
    }
    return Character.isValidCodePoint(code) && code > 0 ? Character.toString(code) : "\ufffd";
  }
}
