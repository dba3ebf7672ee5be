package io.dejavu.tensor;

/// Attention of one row at a time; the definition of {@link Kernels#attention}.
///
/// Each split of {@link Kernels#SPLIT_TOKENS} positions gives `(o, lse)`: `o = Σ pₛ vₛ / Σ pₛ` with
/// `pₛ = exp(scoreₛ - max)`, `lse = max + ln Σ pₛ`. Splits are merged in order: `o = (o₁ e^{lse₁ -
/// m} + o₂ e^{lse₂ - m}) / (e^{lse₁ - m} + e^{lse₂ - m})`, `m = max(lse₁, lse₂)`.
///
/// Source: Ye et al. 2025, FlashInfer, §2.2; Infinite-LLM 2024, §4.
final class PlainAttention {
  private final KvCache cache;
  private final RaggedBatch batch;
  private final Attention kind;

  PlainAttention(KvCache cache, RaggedBatch batch, Attention kind) {
    this.cache = cache;
    this.batch = batch;
    this.kind = kind;
  }

  /// @param q [H · D] of the row at `position`
  /// @return [H · D]
  float[] row(int sequence, int position, float[] q) {
    var out = new float[q.length];
    for (int head = 0; head < kind.heads(); head++) {
      head(sequence, position, head, q, out);
    }
    return out;
  }

  private void head(int sequence, int position, int head, float[] q, float[] out) {
    var d = cache.headSize();
    var first = kind.window() == 0 ? 0 : Math.max(0, position - kind.window() + 1);
    var merged = new double[d];
    var mergedLse = Double.NEGATIVE_INFINITY;
    for (int from = first; from <= position; from = nextSplit(from)) {
      var to = Math.min(nextSplit(from), position + 1);
      var scores = new double[to - from];
      var max = Double.NEGATIVE_INFINITY;
      for (int p = from; p < to; p++) {
        scores[p - from] = score(sequence, p, head, q);
        max = Math.max(max, scores[p - from]);
      }
      var sum = 0.0;
      var o = new double[d];
      for (int p = from; p < to; p++) {
        var weight = Math.exp(scores[p - from] - max);
        var values = rowAt(cache.values(block(sequence, p), kvHead(head)), p);
        sum += weight;
        for (int i = 0; i < d; i++) {
          o[i] += weight * PlainKernels.read(cache, values, i);
        }
      }
      var lse = max + Math.log(sum);
      var top = Math.max(mergedLse, lse);
      var a = Math.exp(mergedLse - top);
      var b = Math.exp(lse - top);
      for (int i = 0; i < d; i++) {
        merged[i] = (merged[i] * a + o[i] / sum * b) / (a + b);
      }
      mergedLse = top + Math.log(a + b);
    }
    for (int i = 0; i < d; i++) {
      out[head * d + i] = (float) merged[i];
    }
  }

  private double score(int sequence, int position, int head, float[] q) {
    var d = cache.headSize();
    var keys = rowAt(cache.keys(block(sequence, position), kvHead(head)), position);
    var dot = 0.0;
    for (int i = 0; i < d; i++) {
      dot += (double) q[head * d + i] * PlainKernels.read(cache, keys, i);
    }
    var slopes = kind.slopes();
    var bias = slopes == null ? 0 : (double) PlainKernels.read(slopes, 0)[head] * position;
    return dot * kind.scale() + bias;
  }

  private static int nextSplit(int position) {
    return (position / Kernels.SPLIT_TOKENS + 1) * Kernels.SPLIT_TOKENS;
  }

  private int block(int sequence, int position) {
    return PlainKernels.integer(batch.tables(), sequence, position / cache.blockTokens());
  }

  private long rowAt(long head, int position) {
    return head + position % cache.blockTokens() * cache.type().bytes(cache.headSize());
  }

  private int kvHead(int head) {
    return head / (kind.heads() / cache.kvHeads());
  }
}
