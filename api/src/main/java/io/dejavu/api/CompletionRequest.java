package io.dejavu.api;

import io.dejavu.engine.GenerationRequest;
import io.dejavu.grammar.TokenGrammar;
import io.dejavu.model.Tokenizer;
import io.dejavu.tensor.Sampling;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// A checked request to continue prompts, from whichever endpoint: OpenAI's fields, with vLLM's
/// common extras. {@link TextRequest} and {@link ChatRequest} read one.
///
/// @param prompts each is continued `n` times
/// @param seed of the first continuation of each prompt; the next ones count up from it
/// @param maxTokens most tokens to generate
/// @param stream whether the answer is sent while it is made
/// @param usage whether a stream ends with the usage
/// @param priority lower runs first
/// @param grammar that the answer follows, or null
/// @param form of the answer
record CompletionRequest(
    List<Prompt> prompts,
    int n,
    Sampling sampling,
    long seed,
    int maxTokens,
    Stopping stopping,
    Reporting reporting,
    boolean stream,
    boolean usage,
    int priority,
    @Nullable TokenGrammar grammar,
    AnswerForm form) {
  static final int MAX_BIASES = 1024;

  /// What 0 comes to, which OpenAI allows: the likeliest token.
  private static final float LEAST_TOP_P = 1e-6f;

  /// What a request is checked against.
  ///
  /// @param maxSequences most sequences of one request
  /// @param encoder of prompts
  /// @param seeds where a seed comes from if the client sends none
  /// @param grammars of answers that have to have a form
  record Limits(
      ServedModel model,
      int maxContext,
      int maxSequences,
      Prompt.Encoder encoder,
      LongSupplier seeds,
      AnswerGrammars grammars) {}

  /// How a body of one endpoint is read.
  interface Reader {
    /// @throws HttpError with what the client has to change
    CompletionRequest read(ObjectNode body, Limits limits) throws InterruptedException;
  }

  /// With the fields that all endpoints have in common.
  static CompletionRequest of(
      JsonFields fields,
      Limits limits,
      List<Prompt> prompts,
      int n,
      int maxTokens,
      Reporting reporting,
      AnswerRule rule,
      AnswerForm form) {
    boolean stream = fields.flag("stream", false);
    Long seed = fields.number64("seed");
    return new CompletionRequest(
        prompts,
        n,
        sampling(fields, limits.model),
        seed == null ? limits.seeds.getAsLong() : seed,
        maxTokens,
        Stopping.of(fields, limits.model, maxTokens, form.stops()),
        reporting,
        stream,
        usage(fields, stream),
        fields.integer("priority", 0, Integer.MIN_VALUE, Integer.MAX_VALUE),
        limits.grammars.of(rule),
        form);
  }

  /// The `index`-th sequence of the answer.
  ///
  /// @param tokenizer null if there is none
  GenerationRequest sequence(String id, int index, @Nullable Tokenizer tokenizer) {
    boolean begins =
        tokenizer != null && Arrays.stream(prompt(index).ids()).allMatch(tokenizer::isSpecial);
    return GenerationRequest.of(id, prompt(index).ids(), sampling, seed + index % n, maxTokens)
        .withMinTokens(stopping.minTokens())
        .withStopTokens(stopping.ids())
        .withLogprobs(reporting.logprobs())
        .withPromptLogprobs(reporting.promptLogprobs())
        .withPriority(priority)
        .withConstraint(grammar == null ? null : grammar.start(stopping.ids(), begins));
  }

  int sequences() {
    return prompts.size() * n;
  }

  Prompt prompt(int index) {
    return prompts.get(index / n);
  }

  static void checkModel(JsonFields fields, ServedModel model) {
    String name = fields.text("model");
    if (name != null && !name.equals(model.name())) {
      throw unknownModel(name, model);
    }
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

  /// Refuses fields that are known elsewhere and not here: a client that sends them expects an
  /// effect that it would not get.
  static void refuse(JsonFields fields, Set<String> unsupported) {
    for (String name : unsupported) {
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
    if (!fields.flag("skip_special_tokens", true)) {
      throw HttpError.unsupported(
          "skip_special_tokens", "special tokens are never in the text; see return_token_ids");
    }
  }

  /// Most tokens to generate, from the first of the fields `names` that is there.
  ///
  /// @param promptField that the prompts come from
  /// @param otherwise where the client says nothing and there is room for as many
  static int maxTokens(
      JsonFields fields,
      List<String> names,
      String promptField,
      List<Prompt> prompts,
      int maxContext,
      int otherwise) {
    int longest = prompts.stream().mapToInt(prompt -> prompt.ids().length).max().orElseThrow();
    int room = maxContext - longest;
    for (String name : names) {
      int wanted = fields.integer(name, -1, 0, Integer.MAX_VALUE);
      if (wanted > room) {
        throw Prompt.tooLong(
            promptField,
            maxContext,
            "%d in the prompt and %d to generate (%s) are %d"
                .formatted(longest, wanted, name, (long) longest + wanted));
      }
      if (wanted >= 0) {
        return wanted;
      }
    }
    return Math.min(otherwise, room);
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
        Math.max(LEAST_TOP_P, fields.number("top_p", otherwise.topP(), 0, 1)),
        fields.number("min_p", otherwise.minP(), 0, 1),
        fields.number("repetition_penalty", otherwise.repetition(), 0.01f, 100),
        fields.number("presence_penalty", otherwise.presence(), -2, 2),
        fields.number("frequency_penalty", otherwise.frequency(), -2, 2),
        fields.numbersById("logit_bias", MAX_BIASES, model.vocabulary(), -100, 100));
  }
}
