package io.dejavu.engine;

import java.util.List;
import org.jspecify.annotations.Nullable;

/// What a step gave for one of its chunks.
///
/// @param token the drawn one; -1 if none was to be drawn, or the logits had a NaN
/// @param logprobs of the drawn token, if wanted
/// @param targets of the targets that are not -1, in order
/// @param hidden the rows that were wanted, one after the other
public record ChunkResult(
    int token, @Nullable TokenLogprobs logprobs, List<TokenLogprobs> targets, float[] hidden) {
  private static final float[] NONE = {};

  public ChunkResult {
    targets = List.copyOf(targets);
  }

  public ChunkResult(int token, @Nullable TokenLogprobs logprobs, List<TokenLogprobs> targets) {
    this(token, logprobs, targets, NONE);
  }
}
