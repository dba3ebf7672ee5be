package io.dejavu.backend.cpu;

import java.util.Arrays;

/// The order of a row's tokens by likelihood, only as far as somebody asks: tokens are counted into
/// buckets of nearly equal likelihood, and only the bucket in which a limit falls is sorted.
final class Likeliest {
  private static final int BUCKETS = 4096;

  /// Natural logarithm of the weights that the buckets tell apart; the last takes what is below.
  private static final float RANGE = 32;

  private final long x;
  private final long p;
  private final int n;
  private final float top;
  private final float perUnit;
  private final int[] counts = new int[BUCKETS];
  private final double[] weights = new double[BUCKETS];

  /// @param x logits, by address
  /// @param p their weights `exp((x - max) / temperature)`
  Likeliest(long x, long p, int n, float temperature) {
    this.x = x;
    this.p = p;
    this.n = n;
    top = VocabularyKernels.max(x, n);
    perUnit = BUCKETS / (RANGE * temperature);
    for (int i = 0; i < n; i++) {
      var bucket = bucket(i);
      counts[bucket]++;
      weights[bucket] += Memory.real(p + 4L * i);
    }
  }

  private int bucket(int i) {
    var distance = (top - Memory.real(x + 4L * i)) * perUnit;
    return distance < BUCKETS - 1 ? (int) distance : BUCKETS - 1;
  }

  /// The last token of those that are kept.
  ///
  /// @param topK how many tokens at most
  /// @param topP the part of their weights that the kept ones reach
  int last(int topK, float topP) {
    var kept = Math.min(topK, n);
    var total = weightOf(kept);
    if (topP < 1) {
      kept = Math.min(kept, reaching(topP * total));
    }
    return ranked(kept);
  }

  private double weightOf(int kept) {
    var sum = 0.0;
    for (int b = 0; b < BUCKETS; b++) {
      if (counts[b] > kept) {
        for (int i : sorted(b, kept)) {
          sum += Memory.real(p + 4L * i);
        }
        return sum;
      }
      kept -= counts[b];
      sum += weights[b];
    }
    return sum;
  }

  /// How many tokens it takes for their weights to reach `target`.
  private int reaching(double target) {
    var sum = 0.0;
    var count = 0;
    for (int b = 0; b < BUCKETS; b++) {
      if (sum + weights[b] >= target) {
        for (int i : sorted(b, counts[b])) {
          sum += Memory.real(p + 4L * i);
          count++;
          if (sum >= target) {
            return count;
          }
        }
      } else {
        sum += weights[b];
        count += counts[b];
      }
    }
    return n;
  }

  /// The token of this rank, from 1.
  private int ranked(int rank) {
    for (int b = 0; b < BUCKETS; b++) {
      if (counts[b] >= rank) {
        return sorted(b, rank)[rank - 1];
      }
      rank -= counts[b];
    }
    throw new IllegalArgumentException("rank %d beyond %d tokens".formatted(rank, n));
  }

  /// The likeliest `most` of a bucket, the lowest id of equals first.
  private int[] sorted(int bucket, int most) {
    var keys = new long[counts[bucket]];
    var found = 0;
    for (int i = 0; i < n; i++) {
      if (bucket(i) == bucket) {
        keys[found++] = (long) descending(Memory.real(x + 4L * i)) << 32 | i;
      }
    }
    Arrays.sort(keys);
    var ids = new int[most];
    for (int i = 0; i < most; i++) {
      ids[i] = (int) keys[i];
    }
    return ids;
  }

  /// An int that falls as `value` rises.
  private static int descending(float value) {
    var bits = Float.floatToIntBits(value + 0f); // -0 becomes 0
    return bits < 0 ? bits & 0x7fffffff : ~bits;
  }
}
