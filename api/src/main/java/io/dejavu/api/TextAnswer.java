package io.dejavu.api;

import java.util.List;
import java.util.Set;
import tools.jackson.core.JsonGenerator;

/// Answers of `/v1/completions`.
///
/// @param echo whether a choice's text begins with the prompt
/// @param promptHasLogprobs whether the prompt's tokens are in `logprobs`
record TextAnswer(boolean echo, boolean promptHasLogprobs) implements AnswerForm {
  @Override
  public String idPrefix() {
    return "cmpl-";
  }

  @Override
  public String object() {
    return "text_completion";
  }

  @Override
  public String chunkObject() {
    return "text_completion";
  }

  @Override
  public String promptField() {
    return "prompt";
  }

  @Override
  public String before(Prompt prompt, ServedModel model) {
    if (!echo) {
      return "";
    }
    String text = prompt.text();
    var tokenizer = model.tokenizer();
    if (text != null) {
      return text;
    }
    return tokenizer == null ? "" : tokenizer.decode(prompt.ids(), true);
  }

  @Override
  public boolean promptBesideChoices() {
    return false;
  }

  @Override
  public Set<Integer> spoken() {
    return Set.of();
  }

  @Override
  public List<String> stops() {
    return List.of();
  }

  @Override
  public ChoiceForm choice() {
    return new TextForm();
  }

  @Override
  public LogprobList logprobs(TokenTexts texts) {
    return new LegacyLogprobs(texts);
  }

  @Override
  public void head(JsonGenerator json) {}

  @Override
  public void usage(JsonGenerator json, int reasoning) {}
}
