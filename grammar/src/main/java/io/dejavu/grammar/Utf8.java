package io.dejavu.grammar;

import java.nio.charset.StandardCharsets;

/// Characters as bytes.
final class Utf8 {
  /// Last code point of one, two, three and four bytes.
  private static final int[] LAST = {0x7f, 0x7ff, 0xffff, 0x10ffff};

  /// How characters of several bytes begin: first and last leading byte, first and last second
  /// byte, how many bytes follow the leading one (Unicode 16, table 3-7).
  static final int[][] LEADS = {
    {0xc2, 0xdf, 0x80, 0xbf, 1},
    {0xe0, 0xe0, 0xa0, 0xbf, 2},
    {0xe1, 0xec, 0x80, 0xbf, 2},
    {0xed, 0xed, 0x80, 0x9f, 2},
    {0xee, 0xef, 0x80, 0xbf, 2},
    {0xf0, 0xf0, 0x90, 0xbf, 3},
    {0xf1, 0xf3, 0x80, 0xbf, 3},
    {0xf4, 0xf4, 0x80, 0x8f, 3},
  };

  /// Takes ranges of bytes, one after the other, that spell a range of characters.
  interface Spelling {
    /// @param from lowest value of each byte
    /// @param to highest of each; any value between is meant
    void add(byte[] from, byte[] to);
  }

  private Utf8() {}

  /// Groups of bytes, as bits: each letter (large and small), the digits, the control characters,
  /// each sign, what begins a character of several bytes, and whatever cannot be.
  static final int OTHERS = 62;

  static final int BROKEN = 63;

  private static final byte[] GROUPS = groups();

  private static byte[] groups() {
    var groups = new byte[128];
    byte sign = 28;
    for (int b = 0; b < 128; b++) {
      if (Character.isLetter(b)) {
        groups[b] = (byte) (Character.toLowerCase(b) - 'a');
      } else if (Character.isDigit(b)) {
        groups[b] = 26;
      } else if (Character.isISOControl(b)) {
        groups[b] = 27;
      } else {
        groups[b] = sign++;
      }
    }
    return groups;
  }

  /// The group of a byte of ASCII.
  static int group(int b) {
    return GROUPS[b];
  }

  /// Whether a byte is a character that most texts may have anywhere: of ASCII, but no control
  /// character, quote or backslash.
  static boolean isPlain(int b) {
    return b >= 0x20 && b < 0x80 && b != '"' && b != '\\';
  }

  static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  static int length(String text) {
    return bytes(text).length;
  }

  /// Splits the characters into sequences of byte ranges (the method of Ken Thompson's grep, as
  /// described by Russ Cox, "Regular Expression Matching in the Wild", 2010).
  static void spell(CodePoints points, Spelling spelling) {
    for (int i = 0; i < points.bounds().length; i += 2) {
      split(points.bounds()[i], points.bounds()[i + 1], spelling);
    }
  }

  private static void split(int from, int to, Spelling spelling) {
    for (int last : LAST) {
      if (from <= last && to > last) {
        split(from, last, spelling);
        split(last + 1, to, spelling);
        return;
      }
    }
    if (to > 0x7f) {
      for (int bits = 6; bits < 24; bits += 6) {
        int low = (1 << bits) - 1;
        if ((from & ~low) != (to & ~low)) {
          if ((from & low) != 0) {
            split(from, from | low, spelling);
            split((from | low) + 1, to, spelling);
            return;
          }
          if ((to & low) != low) {
            split(from, (to & ~low) - 1, spelling);
            split(to & ~low, to, spelling);
            return;
          }
        }
      }
    }
    spelling.add(bytes(Character.toString(from)), bytes(Character.toString(to)));
  }
}
