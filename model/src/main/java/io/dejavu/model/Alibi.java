package io.dejavu.model;

/// Slopes of attention with linear biases.
///
/// Source: Press et al. 2022, "Train short, test long", §3 and its published code for head counts
/// that are no power of two.
final class Alibi {
  private Alibi() {}

  /// One slope per head: `2^(-8i/n)`, `i = 1 … n`, for a power of two `n`; further heads take every
  /// second slope of `2n`.
  static float[] slopes(int heads) {
    var n = Integer.highestOneBit(heads);
    var slopes = new float[heads];
    for (int i = 0; i < heads; i++) {
      var exponent = i < n ? 8.0 * (i + 1) / n : 4.0 * (2 * (i - n) + 1) / n;
      slopes[i] = (float) Math.pow(2, -exponent);
    }
    return slopes;
  }
}
