package io.dejavu.engine;

import java.util.Arrays;

/// How long answers turned out to be lately: what the rest of an answer is predicted from.
///
/// Predicts that of ten answers that were at least as long as this one is already, nine were
/// shorter than what is said; the longest possible as long as too few have ended to know. Knows the
/// last {@link #WINDOW} answers. Deterministic, where the paper draws from the same distribution.
///
/// Source: Gong et al. 2025, Past-Future Scheduler for LLM Serving under SLA Guarantees, §3.
final class OutputHistory {
  static final int WINDOW = 256;

  /// Answers without which nothing is predicted.
  static final int LEAST = 16;

  private final int[] lengths = new int[WINDOW];
  private int count;
  private int[] sorted = {};
  private boolean stale;

  /// An answer of so many tokens has ended.
  void add(int generated) {
    lengths[count++ % WINDOW] = generated;
    stale = true;
    if (count == 2 * WINDOW) {
      count = WINDOW;
    }
  }

  /// How many tokens an answer gets that has `generated` of them, and may get `limit` more.
  int predict(int generated, int limit) {
    if (count < LEAST) {
      return limit;
    }
    if (stale) {
      sorted = Arrays.copyOf(lengths, Math.min(count, WINDOW));
      Arrays.sort(sorted);
      stale = false;
    }
    int longer = firstAbove(generated);
    int known = sorted.length - longer;
    if (known == 0) {
      return limit; // It has outlived all that is known.
    }
    return Math.min(limit, sorted[longer + known * 9 / 10] - generated);
  }

  private int firstAbove(int length) {
    int low = 0;
    int high = sorted.length;
    while (low < high) {
      int middle = (low + high) / 2;
      if (sorted[middle] <= length) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }
}
