package io.dejavu.tensor;

import org.jspecify.annotations.Nullable;

/// One row of logits from which a token is to be drawn.
///
/// @param sampling how
/// @param seed with `position` the key of the random number: the same pair draws the same number,
///   whatever else is computed (counter-based; Salmon et al. 2011)
/// @param position of the drawn token in its sequence
/// @param tokens the sequence so far; empty if `sampling` has no penalties
/// @param promptTokens how many of `tokens` are the prompt
/// @param banned token ids that must not be drawn (stop tokens before `min_tokens`)
/// @param allowed what a grammar leaves: token `id` has probability 0, before anything else is
///   looked at, unless bit `id % 64` of word `id / 64` is set; ids beyond the last word are not
///   allowed, bits beyond the vocabulary mean nothing; null: all. Probabilities that are reported
///   are the model's own, without it. Never written to
public record SampleRow(
    Sampling sampling,
    long seed,
    int position,
    int[] tokens,
    int promptTokens,
    int[] banned,
    long @Nullable [] allowed) {

  /// With every token allowed.
  public SampleRow(
      Sampling sampling, long seed, int position, int[] tokens, int promptTokens, int[] banned) {
    this(sampling, seed, position, tokens, promptTokens, banned, null);
  }

  /// Whether the logits must be changed before the draw.
  public boolean adjusts() {
    return sampling.adjusts() || banned.length > 0 || allowed != null;
  }
}
