package io.dejavu.api;

import java.util.List;
import java.util.Set;
import tools.jackson.databind.node.ObjectNode;

/// Reads a request to `/v1/completions`.
final class TextRequest {
  private static final int DEFAULT_MAX_TOKENS = 16;

  private static final Set<String> UNSUPPORTED =
      Set.of(
          "suffix",
          "prompt_embeds",
          "truncate_prompt_tokens",
          "logits_processors",
          "bad_words",
          "allowed_token_ids",
          "length_penalty",
          "use_beam_search");

  private TextRequest() {}

  static CompletionRequest read(ObjectNode body, CompletionRequest.Limits limits)
      throws InterruptedException {
    var fields = new JsonFields(body);
    CompletionRequest.refuse(fields, UNSUPPORTED);
    var model = limits.model();
    CompletionRequest.checkModel(fields, model);
    int n = fields.integer("n", 1, 1, limits.maxSequences());
    int bestOf = fields.integer("best_of", n, 1, Integer.MAX_VALUE);
    if (bestOf != n) {
      throw HttpError.unsupported("best_of", "best_of is not supported other than equal to n");
    }
    var prompts = Prompt.all(fields, limits, limits.maxSequences() / n);
    int maxTokens =
        CompletionRequest.maxTokens(
            fields,
            List.of("max_tokens"),
            "prompt",
            prompts,
            limits.maxContext(),
            DEFAULT_MAX_TOKENS);
    boolean echo = fields.flag("echo", false);
    int logprobs = fields.integer("logprobs", -1, 0, Reporting.MAX_LOGPROBS);
    return CompletionRequest.of(
        fields,
        limits,
        prompts,
        n,
        maxTokens,
        Reporting.of(fields, model, logprobs, echo),
        AnswerRule.of(AnswerShape.of(fields)),
        new TextAnswer(echo, echo && logprobs >= 0));
  }
}
