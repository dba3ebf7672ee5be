package io.dejavu.grammar;

import java.nio.charset.StandardCharsets;

/// Characters as bytes.
final class Utf8 {
  /// Last code point of one, two, three and four bytes.
  private static final int[] LAST = {0x7f, 0x7ff, 0xffff, 0x10ffff};

  /// Takes ranges of bytes, one after the other, that spell a range of characters.
  interface Spelling {
    /// @param from lowest value of each byte
    /// @param to highest of each; any value between is meant
    void add(byte[] from, byte[] to);
  }

  private Utf8() {}

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
