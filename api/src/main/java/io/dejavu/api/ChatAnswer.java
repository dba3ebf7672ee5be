package io.dejavu.api;

import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JsonGenerator;

/// Answers of `/v1/chat/completions`.
///
/// @param before text that the answer begins with
/// @param spoken special tokens that the text is made of
/// @param stops strings that end it, beside those that the client names
/// @param tools that may be called
/// @param style how calls are written; null: none are looked for
/// @param thinks whether thoughts are told from answers
/// @param opened whether the prompt ends within a thought
/// @param serviceTier as the client asked for, or null
/// @param ids thread-safe; ids of tool calls are made from it
record ChatAnswer(
    String before,
    Set<Integer> spoken,
    List<String> stops,
    ChatTools tools,
    @Nullable ToolCallStyle style,
    boolean thinks,
    boolean opened,
    @Nullable String serviceTier,
    LongSupplier ids)
    implements AnswerForm {
  boolean legacy() {
    return tools.legacy();
  }

  /// Whether the client named the only function to be called.
  boolean forced() {
    return tools.choice() == ChatTools.Choosing.NAMED;
  }

  @Override
  public String idPrefix() {
    return "chatcmpl-";
  }

  @Override
  public String object() {
    return "chat.completion";
  }

  @Override
  public String chunkObject() {
    return "chat.completion.chunk";
  }

  @Override
  public String promptField() {
    return "messages";
  }

  @Override
  public String before(Prompt prompt, ServedModel model) {
    return before;
  }

  @Override
  public boolean promptHasLogprobs() {
    return false;
  }

  @Override
  public boolean promptBesideChoices() {
    return true;
  }

  @Override
  public ChoiceForm choice() {
    ChatParser parser =
        style == null || tools.isEmpty() ? new PlainParser() : style.parser(tools::knows);
    var thoughts = thinks ? new ThoughtParser(opened, parser) : null;
    return new ChatForm(this, thoughts == null ? parser : thoughts, thoughts, this::callId);
  }

  private String callId() {
    return "call_" + HexFormat.of().toHexDigits(ids.getAsLong());
  }

  @Override
  public LogprobList logprobs(TokenTexts texts) {
    return new ChatLogprobs(texts);
  }

  @Override
  public void head(JsonGenerator json) {
    if (serviceTier != null) {
      json.writeStringProperty("service_tier", serviceTier);
    }
  }

  @Override
  public void usage(JsonGenerator json, int reasoning) {
    json.writeObjectPropertyStart("completion_tokens_details");
    json.writeNumberProperty("reasoning_tokens", reasoning);
    json.writeNumberProperty("audio_tokens", 0);
    json.writeNumberProperty("accepted_prediction_tokens", 0);
    json.writeNumberProperty("rejected_prediction_tokens", 0);
    json.writeEndObject();
  }
}
