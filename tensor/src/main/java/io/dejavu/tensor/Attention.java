package io.dejavu.tensor;

import org.jspecify.annotations.Nullable;

/// What kind of attention a layer computes.
///
/// @param heads H of this shard, a multiple of the cache's `K`; query head `h` reads kv head `h /
///   (H / K)`
/// @param scale factor of `q · k`
/// @param window a query at position `p` sees keys in `(p - window, p]`; 0: all of them
/// @param slopes f32 `[1, H]`: ALiBi, adds `slope[h] * key position` to the scores (Press et al.
///   2022; a constant per query cancels in the softmax)
public record Attention(int heads, float scale, int window, @Nullable Tensor slopes) {
  public Attention {
    if (heads < 1 || window < 0) {
      throw new IllegalArgumentException("%d heads, window %d".formatted(heads, window));
    }
    if (slopes != null) {
      slopes.require("slopes", DType.F32, 1, heads);
    }
  }
}
