package io.dejavu.api;

import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// Reads a request to `/v1/chat/completions`.
final class ChatRequest {
  private static final Set<String> UNSUPPORTED =
      Set.of(
          "audio",
          "prediction",
          "web_search_options",
          "mm_processor_kwargs",
          "truncate_prompt_tokens",
          "logits_processors",
          "bad_words",
          "allowed_token_ids",
          "length_penalty",
          "use_beam_search");

  private ChatRequest() {}

  static CompletionRequest read(ObjectNode body, CompletionRequest.Limits limits)
      throws InterruptedException {
    var fields = new JsonFields(body);
    CompletionRequest.refuse(fields, UNSUPPORTED);
    var model = limits.model();
    CompletionRequest.checkModel(fields, model);
    checkIgnored(fields);
    int n = fields.integer("n", 1, 1, limits.maxSequences());
    var chat = ChatPrompt.read(fields, model);
    var format = chat.format();
    var tools = chat.tools();
    var prompts =
        List.of(
            Prompt.ofText(
                "messages", chat.text(), limits, fields.flag("add_special_tokens", false)));
    int maxTokens =
        CompletionRequest.maxTokens(
            fields,
            List.of("max_completion_tokens", "max_tokens"),
            "messages",
            prompts,
            limits.maxContext(),
            Integer.MAX_VALUE);
    var tokenizer = model.tokenizer();
    boolean opened = format.thinks() && chat.text().stripTrailing().endsWith(ThoughtParser.BEGIN);
    var rule =
        new AnswerRule(AnswerShape.of(fields), tools, format.tools(), format.thinks(), opened);
    return CompletionRequest.of(
        fields,
        limits,
        prompts,
        n,
        maxTokens,
        Reporting.of(fields, model, logprobs(fields), false),
        rule,
        new ChatAnswer(
            fields.flag("echo", false) ? chat.continued() : "",
            tokenizer == null ? Set.of() : format.spoken(tokenizer),
            rule.isFree() ? format.stops() : List.of(),
            tools,
            format.tools(),
            format.thinks(),
            opened,
            serviceTier(fields),
            limits.seeds()));
  }

  /// Fields without an effect here still have to be what they should be.
  private static void checkIgnored(JsonFields fields) {
    for (String name : List.of("user", "safety_identifier", "prompt_cache_key", "verbosity")) {
      fields.text(name);
    }
    fields.flag("store", false);
    if (fields.has("metadata")) {
      fields.object("metadata");
    }
    JsonNode modalities = fields.get("modalities");
    if (modalities != null) {
      if (!modalities.isArray()) {
        throw JsonFields.wrongType("modalities", "a list", modalities);
      }
      for (JsonNode modality : modalities) {
        if (!"text".equals(modality.stringValue(""))) {
          throw HttpError.unsupported("modalities", "only text is supported");
        }
      }
    }
  }

  private static @Nullable String serviceTier(JsonFields fields) {
    String tier = fields.text("service_tier");
    if (tier == null) {
      return null;
    }
    if (!Set.of("auto", "default", "flex", "scale", "priority").contains(tier)) {
      throw HttpError.invalid(
          "service_tier",
          "service_tier is \"%s\", must be auto, default, flex, scale or priority"
              .formatted(JsonFields.brief(tier)));
    }
    return "default";
  }

  /// Likeliest tokens reported beside each; -1: no logprobs.
  private static int logprobs(JsonFields fields) {
    boolean wanted = fields.flag("logprobs", false);
    int top = fields.integer("top_logprobs", 0, 0, Reporting.MAX_LOGPROBS);
    if (!wanted && top > 0) {
      throw HttpError.invalid("top_logprobs", "top_logprobs needs logprobs to be true");
    }
    return wanted ? top : -1;
  }
}
