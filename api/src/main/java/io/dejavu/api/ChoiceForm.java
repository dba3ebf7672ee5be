package io.dejavu.api;

import tools.jackson.core.JsonGenerator;

/// What becomes of one choice's text in the answer: plain text, or a chat message with its tool
/// calls. Collects what comes until it is written, so the same object makes a streamed answer and a
/// whole one. One choice, one thread.
interface ChoiceForm {
  /// The next piece of text; surely part of the answer.
  void text(String piece);

  /// A token was generated; its text, if it is complete, comes after this.
  void token();

  /// How many of the tokens were spent on thinking.
  int reasoning();

  /// Nothing comes any more.
  ///
  /// @param reason `stop` or `length`
  /// @return the reason that the client is told
  String end(String reason);

  /// Whether a stream has something to write.
  boolean fresh();

  /// Whether the next [#chunk] is the last one if nothing comes any more: it tells the reason.
  boolean last();

  /// Writes what came since the last call as a field of an entry of `choices`, and forgets it.
  void chunk(JsonGenerator json);

  /// Writes all that came as a field of an entry of `choices`.
  void whole(JsonGenerator json);
}
