package io.dejavu.engine;

import io.dejavu.tensor.Sampling;
import java.util.Arrays;
import java.util.Set;

/// What a client wants generated: one sequence. Its tokens depend on nothing but this.
///
/// @param id for logs and traces, unique among live requests
/// @param prompt token ids, at least one
/// @param sampling how tokens are chosen
/// @param seed of the random numbers, with each token's position
/// @param maxTokens most tokens to generate; 0 computes the prompt only (for its logprobs)
/// @param minTokens stop tokens are not drawn before so many
/// @param stopTokens ids that end the sequence (the model's end-of-sequence ids too, unless the
///   client ignores them)
/// @param logprobs likeliest tokens reported with each generated one; -1: no logprobs
/// @param promptLogprobs likeliest tokens reported with each prompt token; -1: none
public record GenerationRequest(
    String id,
    int[] prompt,
    Sampling sampling,
    long seed,
    int maxTokens,
    int minTokens,
    Set<Integer> stopTokens,
    int logprobs,
    int promptLogprobs) {
  public GenerationRequest {
    if (prompt.length == 0) {
      throw new IllegalArgumentException("the prompt is empty");
    }
    if (maxTokens < 0 || minTokens < 0 || minTokens > maxTokens) {
      throw new IllegalArgumentException(
          "min_tokens is %d, max_tokens %d".formatted(minTokens, maxTokens));
    }
    prompt = prompt.clone();
    stopTokens = Set.copyOf(stopTokens);
  }

  @Override
  public String toString() {
    return "%s: %d prompt tokens %s…, at most %d more"
        .formatted(id, prompt.length, Arrays.toString(Arrays.copyOf(prompt, 4)), maxTokens);
  }
}
