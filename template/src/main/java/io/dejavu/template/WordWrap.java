package io.dejavu.template;

import java.util.ArrayList;
import java.util.List;

/// Breaks one line into several of a greatest width, as Python's `textwrap` does without expanding
/// tabs or replacing white space.
///
/// @param width in code points
/// @param breakLong whether to cut words that are longer than a line
/// @param breakHyphens whether a line may end after a hyphen between letters
record WordWrap(int width, boolean breakLong, boolean breakHyphens) {
  WordWrap {
    if (width <= 0) {
      throw Raised.valueError("invalid width %d (must be > 0)", width);
    }
  }

  List<String> wrap(String line) {
    var chunks = new ArrayList<>(chunks(line).reversed());
    var lines = new ArrayList<String>();
    while (!chunks.isEmpty()) {
      if (!lines.isEmpty() && chunks.getLast().isBlank()) {
        chunks.removeLast();
        if (chunks.isEmpty()) {
          break;
        }
      }
      var current = new ArrayList<String>();
      int length = 0;
      while (!chunks.isEmpty() && length + CodePoints.count(chunks.getLast()) <= width) {
        length += CodePoints.count(chunks.getLast());
        current.add(chunks.removeLast());
      }
      if (!chunks.isEmpty() && CodePoints.count(chunks.getLast()) > width) {
        breakWord(chunks, current, length);
      }
      if (!current.isEmpty() && current.getLast().isBlank()) {
        current.removeLast();
      }
      if (!current.isEmpty()) {
        lines.add(String.join("", current));
      }
    }
    return lines;
  }

  private void breakWord(List<String> chunks, List<String> current, int length) {
    int left = Math.max(1, width - length);
    if (!breakLong) {
      if (current.isEmpty()) {
        current.add(chunks.removeLast());
      }
      return;
    }
    String chunk = chunks.removeLast();
    int end = Math.min(left, CodePoints.count(chunk));
    if (breakHyphens && CodePoints.count(chunk) > left) {
      int hyphen = chunk.substring(0, CodePoints.offset(chunk, left)).lastIndexOf('-');
      if (hyphen > 0 && chunk.substring(0, hyphen).chars().anyMatch(c -> c != '-')) {
        end = chunk.codePointCount(0, hyphen + 1);
      }
    }
    int offset = CodePoints.offset(chunk, end);
    current.add(chunk.substring(0, offset));
    chunks.add(chunk.substring(offset));
  }

  /// Words and the white space between them; words with hyphens in pieces.
  private List<String> chunks(String line) {
    var chunks = new ArrayList<String>();
    int i = 0;
    while (i < line.length()) {
      int start = i;
      boolean space = isSpace(line.charAt(i));
      while (i < line.length() && isSpace(line.charAt(i)) == space) {
        i++;
      }
      String chunk = line.substring(start, i);
      if (space || !breakHyphens) {
        chunks.add(chunk);
      } else {
        addPieces(chunk, chunks);
      }
    }
    return chunks;
  }

  private static void addPieces(String word, List<String> pieces) {
    int start = 0;
    for (int i = 2; i + 2 < word.length(); i++) {
      // Two letters in front of the hyphen, two behind it.
      if (word.charAt(i) == '-'
          && Character.isLetter(word.charAt(i - 1))
          && Character.isLetter(word.charAt(i - 2))
          && Character.isLetter(word.charAt(i + 1))
          && Character.isLetter(word.charAt(i + 2))) {
        pieces.add(word.substring(start, i + 1));
        start = i + 1;
      }
    }
    pieces.add(word.substring(start));
  }

  private static boolean isSpace(char c) {
    return c == ' ' || c >= 9 && c <= 13;
  }
}
