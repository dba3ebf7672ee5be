package io.dejavu.api;

import java.util.function.Consumer;

/// All text is for the reader.
final class PlainParser implements ChatParser {
  @Override
  public void push(String text, Consumer<ChatPart> out) {
    if (!text.isEmpty()) {
      out.accept(new ChatPart.Content(text));
    }
  }

  @Override
  public void end(Consumer<ChatPart> out) {}
}
