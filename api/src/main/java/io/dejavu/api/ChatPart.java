package io.dejavu.api;

/// What a piece of a model's text means in a chat.
sealed interface ChatPart {
  /// Text for the reader.
  record Content(String text) implements ChatPart {}

  /// Thinking aloud before the answer.
  record Thought(String text) implements ChatPart {}

  /// A tool is called; its arguments follow.
  ///
  /// @param call counts the calls of the answer
  record CallStart(int call, String tool) implements ChatPart {}

  /// The next piece of a call's arguments, which are JSON when joined.
  record Arguments(int call, String json) implements ChatPart {}

  /// What began as a call was none.
  ///
  /// @param text all of it, as the model wrote it
  /// @param rest of `text`: what was not in a part before
  record Broken(int call, String text, String rest) implements ChatPart {}
}
