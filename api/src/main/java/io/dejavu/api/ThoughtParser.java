package io.dejavu.api;

import java.util.function.Consumer;

/// Separates `<think>…</think>` at the beginning of a text from the answer, which `then` reads.
/// White space around the tags belongs to neither.
final class ThoughtParser implements ChatParser {
  static final String BEGIN = "<think>";
  static final String END = "</think>";

  private enum At {
    START,
    /// After the first tag.
    OPENED,
    THINKING,
    /// After the second tag.
    CLOSED,
    ANSWER
  }

  private final ChatParser then;
  private final TagFinder begin = new TagFinder(BEGIN);
  private final TagFinder end = new TagFinder(END);
  private final StringBuilder text = new StringBuilder();
  private At at;

  /// @param opened whether the prompt ends with the first tag
  /// @param then reads the answer
  ThoughtParser(boolean opened, ChatParser then) {
    this.at = opened ? At.OPENED : At.START;
    this.then = then;
  }

  /// Whether the text so far ends within a thought.
  boolean thinking() {
    return at == At.OPENED || at == At.THINKING;
  }

  @Override
  public void push(String piece, Consumer<ChatPart> out) {
    int i = 0;
    while (i < piece.length() && at != At.ANSWER) {
      char c = piece.charAt(i);
      switch (at) {
        case START -> i += start(c, out);
        case OPENED -> {
          if (Character.isWhitespace(c)) {
            i++;
          } else {
            at = At.THINKING;
          }
        }
        case THINKING -> {
          i++;
          if (end.next(c, text)) {
            think(out, false);
            at = At.CLOSED;
          }
        }
        case CLOSED -> {
          if (Character.isWhitespace(c)) {
            i++;
          } else {
            at = At.ANSWER;
          }
        }
        case ANSWER -> throw new IllegalStateException("the loop has ended");
      }
    }
    if (at == At.THINKING) {
      think(out, true);
    }
    if (i < piece.length()) {
      then.push(piece.substring(i), out);
    }
  }

  @Override
  public void end(Consumer<ChatPart> out) {
    switch (at) {
      case START -> {
        begin.flush(text);
        answer(out);
      }
      case THINKING -> {
        end.flush(text);
        think(out, false);
      }
      case OPENED, CLOSED, ANSWER -> {}
    }
    then.end(out);
  }

  /// @return how many characters were taken
  private int start(char c, Consumer<ChatPart> out) {
    if (!begin.holds() && Character.isWhitespace(c)) {
      text.append(c);
      return 1;
    }
    int before = text.length();
    if (begin.next(c, text)) {
      text.setLength(0);
      at = At.OPENED;
    } else if (text.length() > before) {
      at = At.ANSWER;
      begin.flush(text);
      answer(out);
    }
    return 1;
  }

  private void answer(Consumer<ChatPart> out) {
    if (!text.isEmpty()) {
      then.push(text.toString(), out);
      text.setLength(0);
    }
  }

  /// @param holdSpace whether the white space at the end waits, because the tag may follow
  private void think(Consumer<ChatPart> out, boolean holdSpace) {
    int solid = text.length();
    while (solid > 0 && Character.isWhitespace(text.charAt(solid - 1))) {
      solid--;
    }
    if (solid > 0) {
      out.accept(new ChatPart.Thought(text.substring(0, solid)));
    }
    text.delete(0, holdSpace ? solid : text.length());
  }
}
