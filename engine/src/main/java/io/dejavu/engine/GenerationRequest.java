package io.dejavu.engine;

import io.dejavu.tensor.Sampling;
import java.time.Duration;
import java.util.Arrays;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// What a client wants generated: one sequence. Its tokens depend on nothing but this.
///
/// Made by {@link #of} and changed by the `with` methods, each of which gives a copy.
///
/// @param id for logs and traces, unique among live requests
/// @param prompt token ids, at least one
/// @param sampling how tokens are chosen
/// @param seed of the random numbers, with each token's position
/// @param maxTokens most tokens to generate; 0 computes the prompt only (for its logprobs)
/// @param minTokens stop tokens are not drawn before so many, unless the constraint allows nothing
///   else
/// @param stopTokens ids that end the sequence (the model's end-of-sequence ids too, unless the
///   client ignores them)
/// @param logprobs likeliest tokens reported with each generated one; -1: no logprobs
/// @param promptLogprobs likeliest tokens reported with each prompt token; -1: none
/// @param priority lower runs first; requests that wait long enough are served nevertheless
/// @param tenant who asks, such as the name of an API key: tenants share the machine equally, and
///   see nothing of each other's prompts, cached ones included
/// @param timeout longest time from submission to the end; null: none
/// @param constraint what may be generated at all; null: anything
/// @param embed which vector is made of the prompt; nothing is generated then
public record GenerationRequest(
    String id,
    int[] prompt,
    Sampling sampling,
    long seed,
    int maxTokens,
    int minTokens,
    Set<Integer> stopTokens,
    int logprobs,
    int promptLogprobs,
    int priority,
    String tenant,
    @Nullable Duration timeout,
    @Nullable TokenConstraint constraint,
    Pooling embed) {
  public GenerationRequest {
    if (prompt.length == 0) {
      throw new IllegalArgumentException("the prompt is empty");
    }
    if (maxTokens < 0 || minTokens < 0 || minTokens > maxTokens) {
      throw new IllegalArgumentException(
          "min_tokens is %d, max_tokens %d".formatted(minTokens, maxTokens));
    }
    if (timeout != null && !timeout.isPositive()) {
      throw new IllegalArgumentException("a timeout of " + timeout);
    }
    if (embed != Pooling.NONE && (maxTokens > 0 || promptLogprobs >= 0)) {
      throw new IllegalArgumentException("a request for an embedding generates nothing");
    }
    prompt = prompt.clone();
    stopTokens = Set.copyOf(stopTokens);
  }

  /// A request without stop tokens, logprobs, timeout or constraint, of priority 0 and the tenant
  /// "".
  public static GenerationRequest of(
      String id, int[] prompt, Sampling sampling, long seed, int maxTokens) {
    return new GenerationRequest(
        id,
        prompt,
        sampling,
        seed,
        maxTokens,
        0,
        Set.of(),
        -1,
        -1,
        0,
        "",
        null,
        null,
        Pooling.NONE);
  }

  /// Whether something is wanted of each token of the prompt, so that none may come from the cache.
  public boolean wantsWholePrompt() {
    return promptLogprobs >= 0 || embed == Pooling.MEAN;
  }

  public GenerationRequest withMinTokens(int minTokens) {
    return new GenerationRequest(
        id,
        prompt,
        sampling,
        seed,
        maxTokens,
        minTokens,
        stopTokens,
        logprobs,
        promptLogprobs,
        priority,
        tenant,
        timeout,
        constraint,
        embed);
  }

  public GenerationRequest withStopTokens(Set<Integer> stopTokens) {
    return new GenerationRequest(
        id,
        prompt,
        sampling,
        seed,
        maxTokens,
        minTokens,
        stopTokens,
        logprobs,
        promptLogprobs,
        priority,
        tenant,
        timeout,
        constraint,
        embed);
  }

  public GenerationRequest withLogprobs(int logprobs) {
    return new GenerationRequest(
        id,
        prompt,
        sampling,
        seed,
        maxTokens,
        minTokens,
        stopTokens,
        logprobs,
        promptLogprobs,
        priority,
        tenant,
        timeout,
        constraint,
        embed);
  }

  public GenerationRequest withPromptLogprobs(int promptLogprobs) {
    return new GenerationRequest(
        id,
        prompt,
        sampling,
        seed,
        maxTokens,
        minTokens,
        stopTokens,
        logprobs,
        promptLogprobs,
        priority,
        tenant,
        timeout,
        constraint,
        embed);
  }

  public GenerationRequest withPriority(int priority) {
    return new GenerationRequest(
        id,
        prompt,
        sampling,
        seed,
        maxTokens,
        minTokens,
        stopTokens,
        logprobs,
        promptLogprobs,
        priority,
        tenant,
        timeout,
        constraint,
        embed);
  }

  public GenerationRequest withTenant(String tenant) {
    return new GenerationRequest(
        id,
        prompt,
        sampling,
        seed,
        maxTokens,
        minTokens,
        stopTokens,
        logprobs,
        promptLogprobs,
        priority,
        tenant,
        timeout,
        constraint,
        embed);
  }

  public GenerationRequest withTimeout(@Nullable Duration timeout) {
    return new GenerationRequest(
        id,
        prompt,
        sampling,
        seed,
        maxTokens,
        minTokens,
        stopTokens,
        logprobs,
        promptLogprobs,
        priority,
        tenant,
        timeout,
        constraint,
        embed);
  }

  public GenerationRequest withConstraint(@Nullable TokenConstraint constraint) {
    return new GenerationRequest(
        id,
        prompt,
        sampling,
        seed,
        maxTokens,
        minTokens,
        stopTokens,
        logprobs,
        promptLogprobs,
        priority,
        tenant,
        timeout,
        constraint,
        embed);
  }

  /// For the vector of the prompt; it must have no tokens to generate.
  public GenerationRequest withEmbed(Pooling embed) {
    return new GenerationRequest(
        id,
        prompt,
        sampling,
        seed,
        maxTokens,
        minTokens,
        stopTokens,
        logprobs,
        promptLogprobs,
        priority,
        tenant,
        timeout,
        constraint,
        embed);
  }

  @Override
  public String toString() {
    return "%s: %d prompt tokens %s…, at most %d more"
        .formatted(id, prompt.length, Arrays.toString(Arrays.copyOf(prompt, 4)), maxTokens);
  }
}
