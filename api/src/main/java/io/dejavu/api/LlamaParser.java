package io.dejavu.api;

import java.util.function.Consumer;
import java.util.function.Predicate;

/// Tool calls as Llama 3 models write them: an answer that is one or more objects `{"name": "…",
/// "parameters": {…}}`, with `;` or white space between them. `<|python_tag|>` may stand before
/// them, and then they may follow a text. A call that is malformed is text.
final class LlamaParser implements ChatParser {
  static final String TAG = "<|python_tag|>";

  private enum At {
    /// Nothing but white space came.
    START,
    TEXT,
    /// After the tag or another call: white space, and perhaps an object.
    BETWEEN,
    OBJECT
  }

  private final TagFinder tag = new TagFinder(TAG);
  private final StringBuilder text = new StringBuilder();
  private At at = At.START;
  private final OpenCall call;

  /// @param known tells names of tools
  LlamaParser(Predicate<String> known) {
    this.call = new OpenCall(known);
  }

  @Override
  public void push(String piece, Consumer<ChatPart> out) {
    int i = 0;
    while (i < piece.length()) {
      i =
          switch (at) {
            case START, BETWEEN -> space(piece, i);
            case TEXT -> text(piece, i, out);
            case OBJECT -> object(piece, i, out);
          };
    }
    if (at == At.TEXT) {
      letTextGo(out);
    }
  }

  @Override
  public void end(Consumer<ChatPart> out) {
    switch (at) {
      case START -> {}
      case TEXT -> tag.flush(text);
      case BETWEEN -> {
        if (call.count() > 0) {
          text.setLength(0);
        }
      }
      case OBJECT -> text.append(call.end());
    }
    letTextGo(out);
  }

  private int space(String piece, int from) {
    for (int i = from; i < piece.length(); i++) {
      char c = piece.charAt(i);
      if (c == '{') {
        call.begin(text.toString());
        text.setLength(0);
        at = At.OBJECT;
        return i;
      }
      if (!Character.isWhitespace(c) && !(c == ';' && call.count() > 0)) {
        at = At.TEXT;
        return i;
      }
      text.append(c);
    }
    return piece.length();
  }

  private int text(String piece, int from, Consumer<ChatPart> out) {
    for (int i = from; i < piece.length(); i++) {
      if (tag.next(piece.charAt(i), text)) {
        if (!text.toString().isBlank()) {
          letTextGo(out);
        }
        text.setLength(0);
        text.append(TAG);
        at = At.BETWEEN;
        return i + 1;
      }
    }
    return piece.length();
  }

  private int object(String piece, int from, Consumer<ChatPart> out) {
    int i = call.push(piece, from, out);
    switch (call.state()) {
      case OPEN -> {}
      case COMPLETE -> at = At.BETWEEN;
      case BROKEN -> {
        at = At.TEXT;
        text.append(call.text());
      }
    }
    return i;
  }

  private void letTextGo(Consumer<ChatPart> out) {
    if (!text.isEmpty()) {
      out.accept(new ChatPart.Content(text.toString()));
      text.setLength(0);
    }
  }
}
