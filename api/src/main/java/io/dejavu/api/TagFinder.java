package io.dejavu.api;

/// Finds a tag in a text that comes character by character, and holds back what may be its
/// beginning.
///
/// Source: Knuth, Morris, Pratt 1977, Fast pattern matching in strings.
final class TagFinder {
  private final String tag;

  /// Per length of a match, the next shorter beginning that matches as well.
  private final int[] shorter;

  private int matched;

  TagFinder(String tag) {
    this.tag = tag;
    this.shorter = new int[tag.length()];
    for (int i = 1, n = 0; i < tag.length() - 1; i++) {
      while (n > 0 && tag.charAt(i) != tag.charAt(n)) {
        n = shorter[n];
      }
      if (tag.charAt(i) == tag.charAt(n)) {
        n++;
      }
      shorter[i + 1] = n;
    }
  }

  /// Takes the next character.
  ///
  /// @param text gets what is no part of the tag
  /// @return whether the tag is complete
  boolean next(char c, StringBuilder text) {
    while (matched > 0 && tag.charAt(matched) != c) {
      text.append(tag, 0, matched - shorter[matched]);
      matched = shorter[matched];
    }
    if (tag.charAt(matched) != c) {
      text.append(c);
      return false;
    }
    matched++;
    if (matched < tag.length()) {
      return false;
    }
    matched = 0;
    return true;
  }

  /// Whether something is held back.
  boolean holds() {
    return matched > 0;
  }

  /// Gives out what was held back.
  void flush(StringBuilder text) {
    text.append(tag, 0, matched);
    matched = 0;
  }
}
