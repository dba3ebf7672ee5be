package io.dejavu.engine;

import java.util.Optional;

/// Which requests can run here at all. Whoever submits asks first.
///
/// @param vocabulary V: token ids are in `[0, V)`
/// @param maxContext most tokens of a sequence
/// @param maxLogprobs most likeliest tokens reported with a token
public record Admission(int vocabulary, int maxContext, int maxLogprobs) {
  public Admission {
    if (vocabulary < 1 || maxContext < 2 || maxLogprobs < 0) {
      throw new IllegalArgumentException(
          "vocabulary of %d, context of %d tokens, %d logprobs"
              .formatted(vocabulary, maxContext, maxLogprobs));
    }
  }

  /// Why `request` can never run here, in words for its client; empty if it can.
  public Optional<String> refusal(GenerationRequest request) {
    var prompt = request.prompt();
    int room = maxContext - prompt.length;
    if (room < 0 || (room == 0 && request.maxTokens() > 0)) {
      return Optional.of(
          "the prompt has %d tokens; prompt and answer together can have %d"
              .formatted(prompt.length, maxContext));
    }
    for (int i = 0; i < prompt.length; i++) {
      if (!isToken(prompt[i])) {
        return Optional.of(
            "token %d of the prompt is %d, the vocabulary has %d"
                .formatted(i, prompt[i], vocabulary));
      }
    }
    for (int id : request.sampling().bias().keySet()) {
      if (!isToken(id)) {
        return Optional.of(
            "logit_bias names token %d, the vocabulary has %d".formatted(id, vocabulary));
      }
    }
    int logprobs = Math.max(request.logprobs(), request.promptLogprobs());
    if (logprobs > maxLogprobs) {
      return Optional.of(
          "%d logprobs per token wanted, at most %d are given".formatted(logprobs, maxLogprobs));
    }
    return Optional.empty();
  }

  /// Why `request` cannot go on here after the tokens in `generated`; empty if it can.
  public Optional<String> refusal(GenerationRequest request, int[] generated) {
    var refusal = refusal(request);
    if (refusal.isPresent()) {
      return refusal;
    }
    int room = Math.min(request.maxTokens(), maxContext - request.prompt().length);
    if (generated.length > room) {
      return Optional.of(
          "%d tokens are generated, there is room for %d".formatted(generated.length, room));
    }
    for (int token : generated) {
      if (!isToken(token)) {
        return Optional.of(
            "token %d was generated, the vocabulary has %d".formatted(token, vocabulary));
      }
    }
    return Optional.empty();
  }

  boolean isToken(int id) {
    return 0 <= id && id < vocabulary;
  }
}
