package io.dejavu.api;

import java.util.function.Consumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

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

  private final Predicate<String> known;
  private final TagFinder tag = new TagFinder(TAG);
  private final StringBuilder text = new StringBuilder();
  private At at = At.START;
  private @Nullable CallObject object;

  /// What stood before the object that is open.
  private String before = "";

  private int calls;

  /// @param known tells names of tools
  LlamaParser(Predicate<String> known) {
    this.known = known;
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
        if (calls > 0) {
          text.setLength(0);
        }
      }
      case OBJECT -> {
        if (object != null && !object.started()) {
          text.append(before).append(object.raw());
        }
      }
    }
    letTextGo(out);
  }

  private int space(String piece, int from) {
    for (int i = from; i < piece.length(); i++) {
      char c = piece.charAt(i);
      if (c == '{') {
        before = text.toString();
        text.setLength(0);
        object = new CallObject(calls, known);
        at = At.OBJECT;
        return i;
      }
      if (!Character.isWhitespace(c) && !(c == ';' && calls > 0)) {
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
    var open = object;
    if (open == null) {
      throw new IllegalStateException("no call is open");
    }
    int i = open.push(piece, from, out);
    switch (open.state()) {
      case OPEN -> {}
      case COMPLETE -> {
        calls++;
        at = At.BETWEEN;
      }
      case BROKEN -> {
        at = At.TEXT;
        String all = before + open.raw();
        if (open.started()) {
          out.accept(new ChatPart.Broken(calls, all, open.unsent()));
          calls++;
        } else {
          text.append(all);
        }
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
