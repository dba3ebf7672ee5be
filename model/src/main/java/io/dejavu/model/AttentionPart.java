package io.dejavu.model;

import io.dejavu.tensor.Attention;
import io.dejavu.tensor.Kernels;
import io.dejavu.tensor.KvCache;
import io.dejavu.tensor.RaggedBatch;
import io.dejavu.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/// A layer's attention up to, and without, the matrix that follows it.
///
/// @param qkv one matrix for queries, keys and values, in this order
/// @param queryNorm of each query head
/// @param keyNorm of each key head
/// @param rotary whether queries and keys turn with their position
/// @param kind heads, scale, window, slopes
record AttentionPart(
    LinearWeights qkv,
    @Nullable Tensor queryNorm,
    @Nullable Tensor keyNorm,
    float epsilon,
    boolean rotary,
    Attention kind) {
  /// Writes keys and values of `in` into the cache; then, if `attend`, leaves what its queries see
  /// in `views.attended`.
  ///
  /// @param in [T, M]
  void compute(
      Kernels kernels,
      Tensor in,
      Workspace.Views views,
      RaggedBatch batch,
      KvCache cache,
      boolean attend) {
    var d = cache.headSize();
    var h = kind.heads() * d;
    var k = cache.kvHeads() * d;
    qkv.apply(kernels, in, views.qkv());
    var queries = views.qkv().columns(0, h); // [T, H D]
    var keys = views.qkv().columns(h, h + k); // [T, K D]
    var values = views.qkv().columns(h + k, h + 2 * k); // [T, K D]
    if (queryNorm != null) {
      kernels.rmsNorm(queries, queryNorm, epsilon, queries);
    }
    if (keyNorm != null) {
      kernels.rmsNorm(keys, keyNorm, epsilon, keys);
    }
    if (rotary) {
      kernels.rope(views.qkv().columns(0, h + k), views.angles(), d);
    }
    kernels.append(keys, values, batch.slots(), cache);
    if (attend) {
      kernels.attention(queries, cache, batch, kind, views.attended());
    }
  }
}
