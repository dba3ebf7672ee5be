package io.dejavu.api;

import io.dejavu.engine.GenerationRequest;
import io.dejavu.tensor.Sampling;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.LongSupplier;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// A checked request to `/v1/completions`: OpenAI's fields, with vLLM's common extras.
///
/// @param prompts each is continued `n` times
/// @param seed of the first continuation of each prompt; the next ones count up from it
/// @param maxTokens most tokens to generate
/// @param stops strings that end a continuation; not part of its text
/// @param stopIds token ids that the client named to end a continuation
/// @param endIds all token ids that end a continuation
/// @param logprobs likeliest tokens reported beside each token; -1: no logprobs
/// @param promptLogprobs likeliest tokens reported beside each token of the prompt; -1: none
/// @param listPromptLogprobs whether the client asked for vLLM's `prompt_logprobs`; `echo` with
///   `logprobs` needs them too
/// @param echo whether the text starts with the prompt
/// @param stream whether the answer is sent while it is made
/// @param usage whether a stream ends with the usage
/// @param tokenIds whether the answer has token ids
/// @param tokensAsIds whether logprobs name tokens by id instead of text
/// @param keepStop whether a stop string stays in the text
record CompletionRequest(
    List<Prompt> prompts,
    int n,
    Sampling sampling,
    long seed,
    int maxTokens,
    int minTokens,
    List<String> stops,
    Set<Integer> stopIds,
    Set<Integer> endIds,
    int logprobs,
    int promptLogprobs,
    boolean listPromptLogprobs,
    boolean echo,
    boolean stream,
    boolean usage,
    boolean tokenIds,
    boolean tokensAsIds,
    boolean keepStop) {
  static final int MAX_LOGPROBS = 20;
  static final int MAX_STOPS = 16;
  static final int MAX_STOP_IDS = 128;
  static final int MAX_BIASES = 1024;
  private static final int DEFAULT_MAX_TOKENS = 16;

  /// Known elsewhere, not here: a client that sends them expects an effect that it would not get.
  private static final List<String> UNSUPPORTED =
      List.of(
          "suffix",
          "guided_json",
          "guided_regex",
          "guided_choice",
          "guided_grammar",
          "structured_outputs",
          "prompt_embeds",
          "truncate_prompt_tokens",
          "logits_processors",
          "bad_words",
          "allowed_token_ids",
          "length_penalty",
          "use_beam_search");

  /// @param encoder of prompts
  /// @param seeds where a seed comes from if the client sends none
  /// @throws HttpError with what the client has to change
  static CompletionRequest of(
      ObjectNode body,
      ServedModel model,
      Prompt.Encoder encoder,
      int maxContext,
      int maxSequences,
      LongSupplier seeds)
      throws InterruptedException {
    var fields = new JsonFields(body);
    refuseUnsupported(fields);
    String name = fields.text("model");
    if (name != null && !name.equals(model.name())) {
      throw unknownModel(name, model);
    }
    int n = fields.integer("n", 1, 1, maxSequences);
    int bestOf = fields.integer("best_of", n, 1, Integer.MAX_VALUE);
    if (bestOf != n) {
      throw HttpError.unsupported("best_of", "best_of is not supported other than equal to n");
    }
    var prompts = Prompt.all(fields, model, encoder, maxContext, maxSequences / n);
    int maxTokens = maxTokens(fields, prompts, maxContext);
    int minTokens = fields.integer("min_tokens", 0, 0, Integer.MAX_VALUE);
    if (minTokens > maxTokens) {
      throw HttpError.invalid(
          "min_tokens", "min_tokens is %d, max_tokens %d".formatted(minTokens, maxTokens));
    }
    boolean stream = fields.flag("stream", false);
    boolean echo = fields.flag("echo", false);
    int logprobs = fields.integer("logprobs", -1, 0, MAX_LOGPROBS);
    int promptLogprobs =
        Math.max(fields.integer("prompt_logprobs", -1, 0, MAX_LOGPROBS), echo ? logprobs : -1);
    var stops = fields.texts("stop", MAX_STOPS);
    if (!stops.isEmpty() && model.tokenizer() == null) {
      throw HttpError.unsupported(
          "stop", "model \"%s\" has no tokenizer: use stop_token_ids".formatted(model.name()));
    }
    var stopIds = Set.copyOf(fields.ids("stop_token_ids", MAX_STOP_IDS, model.vocabulary()));
    var endIds = new HashSet<Integer>(stopIds);
    if (!fields.flag("ignore_eos", false)) {
      endIds.addAll(model.endTokens());
    }
    Long seed = fields.number64("seed");
    return new CompletionRequest(
        prompts,
        n,
        sampling(fields, model),
        seed == null ? seeds.getAsLong() : seed,
        maxTokens,
        minTokens,
        stops,
        stopIds,
        endIds,
        logprobs,
        promptLogprobs,
        fields.has("prompt_logprobs"),
        echo,
        stream,
        usage(fields, stream),
        fields.flag("return_token_ids", model.tokenizer() == null),
        fields.flag("return_tokens_as_token_ids", model.tokenizer() == null),
        fields.flag("include_stop_str_in_output", false));
  }

  /// The `index`-th sequence of the answer.
  GenerationRequest sequence(String id, int index) {
    return new GenerationRequest(
        id,
        prompt(index).ids(),
        sampling,
        seed + index % n,
        maxTokens,
        minTokens,
        endIds,
        logprobs,
        promptLogprobs);
  }

  int sequences() {
    return prompts.size() * n;
  }

  Prompt prompt(int index) {
    return prompts.get(index / n);
  }

  static HttpError unknownModel(String name, ServedModel model) {
    return new HttpError(
        404,
        "invalid_request_error",
        "there is no model \"%s\" here; \"%s\" is served"
            .formatted(name.length() <= 200 ? name : name.substring(0, 200) + "…", model.name()),
        "model",
        "model_not_found");
  }

  private static void refuseUnsupported(JsonFields fields) {
    for (String name : UNSUPPORTED) {
      JsonNode value = fields.get(name);
      // Clients that send every field send empty ones for what they don't want.
      boolean empty =
          value == null
              || (value.isBoolean() && !value.booleanValue())
              || (value.isString() && value.stringValue().isEmpty())
              || (value.isContainer() && value.isEmpty());
      if (!empty) {
        throw HttpError.unsupported(name, name + " is not supported");
      }
    }
    JsonNode format = fields.get("response_format");
    if (format != null && !"text".equals(format.path("type").stringValue("text"))) {
      throw HttpError.unsupported("response_format", "only response_format text is supported");
    }
    if (!fields.flag("skip_special_tokens", true)) {
      throw HttpError.unsupported(
          "skip_special_tokens", "special tokens are never in the text; see return_token_ids");
    }
  }

  private static int maxTokens(JsonFields fields, List<Prompt> prompts, int maxContext) {
    int longest = prompts.stream().mapToInt(prompt -> prompt.ids().length).max().orElseThrow();
    int room = maxContext - longest;
    int wanted = fields.integer("max_tokens", -1, 0, Integer.MAX_VALUE);
    if (wanted > room) {
      throw Prompt.tooLong(
          maxContext,
          "%d in the prompt and %d to generate (max_tokens) are %d"
              .formatted(longest, wanted, (long) longest + wanted));
    }
    return wanted >= 0 ? wanted : Math.min(DEFAULT_MAX_TOKENS, room);
  }

  private static boolean usage(JsonFields fields, boolean stream) {
    JsonNode options = fields.get("stream_options");
    if (options == null) {
      return false;
    }
    if (!stream) {
      throw HttpError.invalid("stream_options", "stream_options needs stream to be true");
    }
    if (!(options instanceof ObjectNode object)) {
      throw JsonFields.wrongType("stream_options", "an object", options);
    }
    return new JsonFields(object).flag("include_usage", false);
  }

  private static Sampling sampling(JsonFields fields, ServedModel model) {
    Sampling otherwise = model.sampling();
    return new Sampling(
        fields.number("temperature", otherwise.temperature(), 0, 100),
        // vLLM writes "all" as -1, others as 0
        Math.max(0, fields.integer("top_k", otherwise.topK(), -1, Integer.MAX_VALUE)),
        fields.number("top_p", otherwise.topP(), 1e-6f, 1),
        fields.number("min_p", otherwise.minP(), 0, 1),
        fields.number("repetition_penalty", otherwise.repetition(), 0.01f, 100),
        fields.number("presence_penalty", otherwise.presence(), -2, 2),
        fields.number("frequency_penalty", otherwise.frequency(), -2, 2),
        fields.numbersById("logit_bias", MAX_BIASES, model.vocabulary(), -100, 100));
  }
}
