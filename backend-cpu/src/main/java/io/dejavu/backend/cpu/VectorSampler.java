package io.dejavu.backend.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import io.dejavu.tensor.Logprobs;
import io.dejavu.tensor.Philox;
import io.dejavu.tensor.PlainSampler;
import io.dejavu.tensor.SampleRow;
import io.dejavu.tensor.Sampling;
import io.dejavu.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/// Draws tokens, rows in parallel, each in a few passes over the vocabulary. The meaning is {@link
/// PlainSampler}'s; a token at the very edge of what top-k, top-p or the random number chooses may
/// differ from its, by rounding.
final class VectorSampler implements AutoCloseable {
  private final Workers workers;
  private final Scratch scratch;

  VectorSampler(Workers workers) {
    this.workers = workers;
    scratch = new Scratch(workers.threads());
  }

  void sample(Tensor logits, SampleRow[] rows, Tensor out) {
    var n = logits.columns();
    var from = Memory.address(logits);
    var to = Memory.address(out);
    scratch.reserve(4L * (2L * n + VocabularyKernels.sums(n)));
    workers.run(
        rows.length,
        (r, worker) ->
            Memory.set(
                to + 4L * r,
                draw(from + r * Memory.stride(logits), n, rows[r], scratch.of(worker))));
  }

  private static int draw(long logits, int n, SampleRow row, long scratch) {
    var sampling = row.sampling();
    var x = logits;
    if (row.adjusts()) {
      x = scratch + 4L * n;
      adjust(logits, n, row, x);
    }
    var best = VocabularyKernels.argmax(x, n);
    if (best < 0 || sampling.temperature() == 0) {
      return best;
    }
    var p = scratch;
    var sums = scratch + 8L * n;
    var inverse = 1 / sampling.temperature();
    VocabularyKernels.exp(x, n, Memory.real(x + 4L * best), inverse, p, sums);
    if (sampling.topK() != 0 || sampling.topP() != 1 || sampling.minP() != 0) {
      keepLikely(x, n, p, sampling);
      VocabularyKernels.sum(p, n, sums);
    }
    return walk(p, n, sums, best, Philox.uniform(row.seed(), row.position()));
  }

  private static void adjust(long logits, int n, SampleRow row, long to) {
    var values = new float[n];
    MemorySegment.copy(Memory.ALL, JAVA_FLOAT_UNALIGNED, logits, values, 0, n);
    PlainSampler.adjust(values, row);
    MemorySegment.copy(values, 0, Memory.ALL, JAVA_FLOAT_UNALIGNED, to, n);
  }

  /// Sets to 0 what top-k, top-p and min-p leave out.
  private static void keepLikely(long x, int n, long p, Sampling sampling) {
    var least = sampling.minP();
    if (sampling.topK() != 0 || sampling.topP() != 1) {
      var order = new Likeliest(x, p, n, sampling.temperature());
      var last = order.last(sampling.topK() == 0 ? n : sampling.topK(), sampling.topP());
      var edge = Memory.real(x + 4L * last);
      for (int i = 0; i < n; i++) {
        var value = Memory.real(x + 4L * i);
        if (value < edge || value == edge && i > last) {
          Memory.set(p + 4L * i, 0f);
        }
      }
    }
    if (least > 0) {
      for (int i = 0; i < n; i++) {
        if (Memory.real(p + 4L * i) < least) {
          Memory.set(p + 4L * i, 0f);
        }
      }
    }
  }

  /// The index where the running sum of `p` passes `uniform` of its total: first the block, then
  /// the element.
  private static int walk(long p, int n, long sums, int best, double uniform) {
    var blocks = VocabularyKernels.sums(n);
    var total = 0.0;
    for (int b = 0; b < blocks; b++) {
      total += Memory.real(sums + 4L * b);
    }
    var left = uniform * total;
    var block = 0;
    while (block < blocks - 1 && left >= Memory.real(sums + 4L * block)) {
      left -= Memory.real(sums + 4L * block);
      block++;
    }
    var last = best;
    for (int i = block * VocabularyKernels.BLOCK; i < n; i++) {
      var weight = Memory.real(p + 4L * i);
      if (weight > 0) {
        last = i;
        left -= weight;
        if (left < 0) {
          break;
        }
      }
    }
    return last;
  }

  void logprobs(Tensor logits, Tensor targets, Logprobs out) {
    var n = logits.columns();
    for (int r = 0; r < logits.rows(); r++) {
      var target = Memory.integer(Memory.address(targets) + 4L * r);
      if (target < -1 || target >= n) {
        throw new IndexOutOfBoundsException("target %d of %d".formatted(target, n));
      }
    }
    scratch.reserve(4L * (n + VocabularyKernels.sums(n)));
    workers.run(
        logits.rows(), (r, worker) -> logprobs(logits, targets, out, r, scratch.of(worker)));
  }

  private static void logprobs(Tensor logits, Tensor targets, Logprobs out, int r, long scratch) {
    var n = logits.columns();
    var x = Memory.address(logits) + r * Memory.stride(logits);
    var top = out.topIds().columns();
    var max = VocabularyKernels.max(x, n);
    VocabularyKernels.exp(x, n, max, 1, scratch, scratch + 4L * n);
    var total = 0.0;
    for (int b = 0; b < VocabularyKernels.sums(n); b++) {
      total += Memory.real(scratch + 4L * (n + b));
    }
    var logSum = max + Math.log(total);
    var id = Memory.integer(Memory.address(targets) + 4L * r);
    var target = id < 0 ? Float.NaN : Memory.real(x + 4L * id);
    Memory.set(Memory.address(out.chosen()) + 4L * r, (float) (target - logSum));
    Memory.set(Memory.address(out.ranks()) + 4L * r, 1 + VocabularyKernels.above(x, n, target));
    var ids = Memory.address(out.topIds()) + r * Memory.stride(out.topIds());
    var values = Memory.address(out.topValues()) + r * Memory.stride(out.topValues());
    VocabularyKernels.largest(x, n, Math.min(top, n), ids, values);
    for (int i = 0; i < Math.min(top, n); i++) {
      Memory.set(values + 4L * i, (float) (Memory.real(values + 4L * i) - logSum));
    }
  }

  @Override
  public void close() {
    scratch.close();
  }
}
