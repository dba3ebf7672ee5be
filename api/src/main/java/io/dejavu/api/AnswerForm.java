package io.dejavu.api;

import java.util.List;
import java.util.Set;
import tools.jackson.core.JsonGenerator;

/// What tells the answers of one endpoint from those of another.
interface AnswerForm {
  /// What the ids of answers begin with.
  String idPrefix();

  /// The `object` of a whole answer.
  String object();

  /// The `object` of a part of a streamed one.
  String chunkObject();

  /// The field that prompts come from.
  String promptField();

  /// The text in front of a choice's own, or "".
  ///
  /// @param prompt of the choice
  String before(Prompt prompt, ServedModel model);

  /// Whether `logprobs` list the tokens of the prompt too.
  boolean promptHasLogprobs();

  /// Whether what the client asked about the prompt stands beside `choices` and not in them.
  boolean promptBesideChoices();

  /// Special tokens that are part of the text here.
  Set<Integer> spoken();

  /// Strings that end an answer, beside those that the client names.
  List<String> stops();

  ChoiceForm choice();

  LogprobList logprobs(TokenTexts texts);

  /// Fields of the answer's head that only this endpoint has.
  void head(JsonGenerator json);

  /// The fields of `usage` that only this endpoint has.
  ///
  /// @param reasoning tokens of the answer spent on thinking
  void usage(JsonGenerator json, int reasoning);
}
