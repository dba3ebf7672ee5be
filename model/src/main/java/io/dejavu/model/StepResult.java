package io.dejavu.model;

import java.util.List;
import org.jspecify.annotations.Nullable;

/// What a step gave, in the order of its parts.
public record StepResult(List<Part> parts) {
  public StepResult {
    parts = List.copyOf(parts);
  }

  /// @param token the drawn one; -1 if none was to be drawn, or the logits had a NaN
  /// @param logprobs of the drawn token, if wanted
  /// @param targets of the targets that are not -1, in order
  /// @param hidden the rows that were wanted, in order, each of {@link Sizes#embedding} numbers
  public record Part(int token, @Nullable Ranked logprobs, List<Ranked> targets, float[] hidden) {}

  /// Log probabilities of one row, before any sampling parameter.
  ///
  /// @param logprob of the row's token, natural
  /// @param rank 1 if no token was likelier
  /// @param topIds the likeliest tokens, best first
  /// @param topLogprobs of `topIds`
  public record Ranked(float logprob, int rank, int[] topIds, float[] topLogprobs) {}
}
