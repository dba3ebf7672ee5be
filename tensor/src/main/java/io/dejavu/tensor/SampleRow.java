package io.dejavu.tensor;

/// One row of logits from which a token is to be drawn.
///
/// @param sampling how
/// @param seed with `position` the key of the random number: the same pair draws the same number,
///   whatever else is computed (counter-based; Salmon et al. 2011)
/// @param position of the drawn token in its sequence
/// @param tokens the sequence so far; empty if `sampling` has no penalties
/// @param promptTokens how many of `tokens` are the prompt
/// @param banned token ids that must not be drawn (stop tokens before `min_tokens`)
public record SampleRow(
    Sampling sampling, long seed, int position, int[] tokens, int promptTokens, int[] banned) {}
