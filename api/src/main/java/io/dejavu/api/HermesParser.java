package io.dejavu.api;

import java.util.function.Consumer;
import java.util.function.Predicate;

/// Tool calls as Hermes and Qwen models write them:
///
/// ```
/// text
/// <tool_call>
/// {"name": "…", "arguments": {…}}
/// </tool_call>
/// ```
///
/// White space around a call is no text, nor is a tag that the end of the answer cut off after one.
/// A call that is malformed is text.
final class HermesParser implements ChatParser {
  static final String BEGIN = "<tool_call>";
  static final String END = "</tool_call>";

  private enum At {
    TEXT,
    OBJECT,
    END_TAG
  }

  private final TagFinder begin = new TagFinder(BEGIN);
  private final TagFinder end = new TagFinder(END);
  private final StringBuilder text = new StringBuilder();
  private At at = At.TEXT;
  private final OpenCall call;
  private boolean called;

  /// @param known tells names of tools
  HermesParser(Predicate<String> known) {
    this.call = new OpenCall(known);
  }

  @Override
  public void push(String piece, Consumer<ChatPart> out) {
    int i = 0;
    while (i < piece.length()) {
      i =
          switch (at) {
            case TEXT -> text(piece, i, out);
            case OBJECT -> object(piece, i, out);
            case END_TAG -> endTag(piece, i);
          };
    }
    if (at == At.TEXT) {
      letTextGo(out, true);
    }
  }

  @Override
  public void end(Consumer<ChatPart> out) {
    switch (at) {
      case TEXT -> {
        if (called && text.toString().isBlank()) {
          text.setLength(0); // and what was to be another call's tag
        } else {
          begin.flush(text);
        }
      }
      case OBJECT -> text.append(call.end());
      case END_TAG -> text.setLength(0); // white space, and what there is of the tag
    }
    if (!text.isEmpty()) {
      out.accept(new ChatPart.Content(text.toString()));
      text.setLength(0);
    }
  }

  private int text(String piece, int from, Consumer<ChatPart> out) {
    for (int i = from; i < piece.length(); i++) {
      if (begin.next(piece.charAt(i), text)) {
        letTextGo(out, false);
        call.begin(BEGIN);
        at = At.OBJECT;
        return i + 1;
      }
    }
    return piece.length();
  }

  private int object(String piece, int from, Consumer<ChatPart> out) {
    int i = call.push(piece, from, out);
    switch (call.state()) {
      case OPEN -> {}
      case COMPLETE -> {
        at = At.END_TAG;
        called = true;
      }
      case BROKEN -> {
        at = At.TEXT;
        text.append(call.text());
      }
    }
    return i;
  }

  /// White space and `</tool_call>`; whatever else comes is text.
  private int endTag(String piece, int from) {
    for (int i = from; i < piece.length(); i++) {
      char c = piece.charAt(i);
      if (!end.holds() && Character.isWhitespace(c)) {
        text.append(c);
        continue;
      }
      int before = text.length();
      boolean complete = end.next(c, text);
      if (complete || text.length() > before) {
        at = At.TEXT;
        if (complete) {
          text.setLength(0); // white space before the tag
        } else {
          end.flush(text);
        }
        return i + 1;
      }
    }
    return piece.length();
  }

  /// @param holdSpace whether the white space at the end waits, because a call may follow
  private void letTextGo(Consumer<ChatPart> out, boolean holdSpace) {
    int solid = text.length();
    while (solid > 0 && Character.isWhitespace(text.charAt(solid - 1))) {
      solid--;
    }
    if (solid > 0) {
      out.accept(new ChatPart.Content(text.substring(0, solid)));
    }
    text.delete(0, holdSpace ? solid : text.length());
  }
}
