package io.dejavu.api;

import java.util.function.Consumer;

/// Finds out what a text means while it comes: text in, parts out. What comes out, adjacent parts
/// of a kind joined, does not depend on how the text is cut into pieces. One choice, one thread.
interface ChatParser {
  /// Takes the next piece of text.
  void push(String text, Consumer<ChatPart> out);

  /// Nothing comes any more.
  void end(Consumer<ChatPart> out);
}
