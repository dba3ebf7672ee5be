package io.dejavu.template;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/// What Python does to text where Java does something else.
final class PythonText {
  /// A text cut into more pieces would take many times its memory.
  private static final int MOST_PARTS = 1_000_000;

  private PythonText() {}

  static String upper(String s) {
    return s.toUpperCase(Locale.ROOT);
  }

  static String lower(String s) {
    return s.toLowerCase(Locale.ROOT);
  }

  /// Close to Python's for all but a few letters of Cherokee and the like.
  static String caseFold(String s) {
    return lower(upper(s).toLowerCase(Locale.ROOT).replace("ß", "ss"));
  }

  static String capitalize(String s) {
    if (s.isEmpty()) {
      return s;
    }
    int first = s.codePointAt(0);
    int rest = Character.charCount(first);
    return titleCase(first)
        + lower(s).substring(Math.min(lower(s.substring(0, rest)).length(), lower(s).length()));
  }

  private static String titleCase(int c) {
    int title = Character.toTitleCase(c);
    if (title != c || !Character.isLowerCase(c)) {
      return Character.toString(title);
    }
    // Letters that become several, as ß does: the first is upper case, the rest lower.
    String upper = upper(Character.toString(c));
    int first = Character.charCount(upper.codePointAt(0));
    return upper.substring(0, first) + lower(upper.substring(first));
  }

  private static boolean isCased(int c) {
    return Character.isUpperCase(c) || Character.isLowerCase(c) || Character.isTitleCase(c);
  }

  static String title(String s) {
    var out = new StringBuilder(s.length());
    boolean inWord = false;
    for (int i = 0; i < s.length(); ) {
      int c = s.codePointAt(i);
      i += Character.charCount(c);
      out.append(inWord ? lower(Character.toString(c)) : titleCase(c));
      inWord = isCased(c);
    }
    return out.toString();
  }

  static String swapCase(String s) {
    var out = new StringBuilder(s.length());
    s.codePoints()
        .forEach(
            c -> {
              String one = Character.toString(c);
              out.append(
                  Character.isUpperCase(c)
                      ? lower(one)
                      : Character.isLowerCase(c) ? upper(one) : one);
            });
    return out.toString();
  }

  /// All letters of one case, and at least one letter.
  static boolean isCased(String s, boolean upper) {
    boolean any = false;
    for (int c : s.codePoints().toArray()) {
      if (upper ? Character.isLowerCase(c) : Character.isUpperCase(c)) {
        return false;
      }
      if (Character.isTitleCase(c)) {
        return false;
      }
      any |= upper ? Character.isUpperCase(c) : Character.isLowerCase(c);
    }
    return any;
  }

  static boolean isTitle(String s) {
    boolean any = false;
    boolean inWord = false;
    for (int c : s.codePoints().toArray()) {
      if (Character.isUpperCase(c) || Character.isTitleCase(c)) {
        if (inWord) {
          return false;
        }
        inWord = true;
        any = true;
      } else if (Character.isLowerCase(c)) {
        if (!inWord) {
          return false;
        }
        any = true;
      } else {
        inWord = false;
      }
    }
    return any;
  }

  static boolean isIdentifier(String s) {
    if (s.isEmpty()) {
      return false;
    }
    int first = s.codePointAt(0);
    return (first == '_' || Character.isUnicodeIdentifierStart(first))
        && s.codePoints()
            .allMatch(
                c ->
                    c == '_'
                        || Character.isUnicodeIdentifierPart(c)
                            && !Character.isIdentifierIgnorable(c));
  }

  static boolean isDigit(int c) {
    return Character.isDigit(c) || isNumeric(c) && isSuperscript(c);
  }

  private static boolean isSuperscript(int c) {
    return c == 0xb2
        || c == 0xb3
        || c == 0xb9
        || c >= 0x2070 && c <= 0x2089
        || c >= 0x2460 && c <= 0x2468;
  }

  static boolean isNumeric(int c) {
    return switch (Character.getType(c)) {
      case Character.DECIMAL_DIGIT_NUMBER, Character.LETTER_NUMBER, Character.OTHER_NUMBER -> true;
      default -> false;
    };
  }

  static String strip(String s, @Nullable String chars, boolean start, boolean end) {
    int from = 0;
    int to = s.length();
    while (start && from < to) {
      int c = s.codePointAt(from);
      if (!strips(c, chars)) {
        break;
      }
      from += Character.charCount(c);
    }
    while (end && to > from) {
      int c = s.codePointBefore(to);
      if (!strips(c, chars)) {
        break;
      }
      to -= Character.charCount(c);
    }
    return s.substring(from, to);
  }

  private static boolean strips(int c, @Nullable String chars) {
    return chars == null ? CodePoints.isSpace(c) : chars.indexOf(c) >= 0;
  }

  /// Python's `split` at white space.
  static List<Object> words(String s, int most, boolean fromEnd) {
    return fromEnd ? wordsFromEnd(s, most) : wordsFromStart(s, most);
  }

  private static List<Object> wordsFromStart(String s, int most) {
    var words = new ArrayList<Object>();
    int i = 0;
    while (true) {
      while (i < s.length() && CodePoints.isSpace(s.charAt(i))) {
        i++;
      }
      if (i >= s.length()) {
        return words;
      }
      if (words.size() == most) {
        add(words, s.substring(i));
        return words;
      }
      int start = i;
      while (i < s.length() && !CodePoints.isSpace(s.charAt(i))) {
        i++;
      }
      add(words, s.substring(start, i));
    }
  }

  private static List<Object> wordsFromEnd(String s, int most) {
    var words = new ArrayList<Object>();
    int i = s.length();
    while (true) {
      while (i > 0 && CodePoints.isSpace(s.charAt(i - 1))) {
        i--;
      }
      if (i == 0) {
        break;
      }
      if (words.size() == most) {
        add(words, s.substring(0, i));
        break;
      }
      int end = i;
      while (i > 0 && !CodePoints.isSpace(s.charAt(i - 1))) {
        i--;
      }
      add(words, s.substring(i, end));
    }
    Collections.reverse(words);
    return words;
  }

  static List<Object> split(String s, String separator, int most, boolean fromEnd) {
    if (separator.isEmpty()) {
      throw Raised.valueError("empty separator");
    }
    var parts = new ArrayList<Object>();
    if (fromEnd) {
      int end = s.length();
      while (most < 0 || parts.size() < most) {
        int at = s.lastIndexOf(separator, end - separator.length());
        if (at < 0 || end < separator.length()) {
          break;
        }
        add(parts, s.substring(at + separator.length(), end));
        end = at;
      }
      add(parts, s.substring(0, end));
      Collections.reverse(parts);
      return parts;
    }
    int start = 0;
    while (most < 0 || parts.size() < most) {
      int at = s.indexOf(separator, start);
      if (at < 0) {
        break;
      }
      add(parts, s.substring(start, at));
      start = at + separator.length();
    }
    add(parts, s.substring(start));
    return parts;
  }

  static List<Object> lines(String s, boolean keepEnds) {
    var lines = new ArrayList<Object>();
    int i = 0;
    while (i < s.length()) {
      int start = i;
      while (i < s.length() && !CodePoints.isLineEnd(s.charAt(i))) {
        i++;
      }
      int end = i;
      if (i < s.length()) {
        i += s.startsWith("\r\n", i) ? 2 : 1;
      }
      add(lines, s.substring(start, keepEnds ? i : end));
    }
    return lines;
  }

  private static void add(List<Object> parts, String part) {
    if (parts.size() >= MOST_PARTS) {
      throw Raised.limit("a text in more than %d parts", MOST_PARTS);
    }
    parts.add(part);
  }

  static String replace(Rendering r, String s, String old, String with, int most) {
    if (most < 0 && !old.isEmpty() && s.indexOf(old) < 0) {
      r.work(s.length());
      return s;
    }
    var out = new StringBuilder(s.length());
    int from = 0;
    for (int count = 0; most < 0 || count < most; count++) {
      if (old.isEmpty()) {
        r.write(out, with);
        if (from >= s.length()) {
          return out.toString();
        }
        int next = from + Character.charCount(s.codePointAt(from));
        out.append(s, from, next);
        from = next;
        continue;
      }
      int at = s.indexOf(old, from);
      if (at < 0) {
        break;
      }
      r.write(out, s.substring(from, at));
      r.write(out, with);
      from = at + old.length();
    }
    r.write(out, s.substring(from));
    return out.toString();
  }

  static String pad(Rendering r, String s, int width, String fill, String how) {
    int size = CodePoints.count(s);
    int missing = width - size;
    if (missing <= 0) {
      return s;
    }
    r.willMake((long) s.length() + missing);
    int left =
        switch (how) {
          case "ljust" -> 0;
          case "rjust" -> missing;
          default -> missing / 2 + (missing & width & 1); // as CPython's
        };
    return fill.repeat(left) + s + fill.repeat(missing - left);
  }
}
