package io.dejavu.tensor;

import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;

/// Draws a token, the readable way; the definition of {@link Kernels#sample}.
public final class PlainSampler {
  private PlainSampler() {}

  /// @param logits of one row; left adjusted
  /// @return the token, or -1 if a logit is NaN or none is left
  public static int draw(float[] logits, SampleRow row) {
    var sampling = row.sampling();
    adjust(logits, row);
    var best = argmax(logits);
    if (best < 0 || sampling.temperature() == 0) {
      return best;
    }

    var p = new double[logits.length];
    for (int i = 0; i < p.length; i++) {
      p[i] = Math.exp((logits[i] - logits[best]) / sampling.temperature());
    }
    keepLikely(p, sampling);

    var total = 0.0;
    for (double x : p) {
      total += x;
    }
    var left = Philox.uniform(row.seed(), row.position()) * total;
    var last = best;
    for (int i = 0; i < p.length; i++) {
      if (p[i] > 0) {
        last = i;
        left -= p[i];
        if (left < 0) {
          break;
        }
      }
    }
    return last;
  }

  /// The lowest index of the largest; -1 if any is NaN or all are -∞.
  public static int argmax(float[] logits) {
    var best = -1;
    for (int i = 0; i < logits.length; i++) {
      if (Float.isNaN(logits[i])) {
        return -1;
      }
      if (logits[i] > (best < 0 ? Float.NEGATIVE_INFINITY : logits[best])) {
        best = i;
      }
    }
    return best;
  }

  /// Applies bias, penalties, bans and the grammar to a row of logits.
  public static void adjust(float[] logits, SampleRow row) {
    var sampling = row.sampling();
    sampling.bias().forEach((token, bias) -> logits[token] += bias);
    if (sampling.repetition() != 1) {
      var seen = new HashSet<Integer>();
      for (int token : row.tokens()) {
        if (seen.add(token)) {
          logits[token] =
              logits[token] > 0
                  ? logits[token] / sampling.repetition()
                  : logits[token] * sampling.repetition();
        }
      }
    }
    if (sampling.presence() != 0 || sampling.frequency() != 0) {
      var counts = new HashMap<Integer, Integer>();
      for (int i = row.promptTokens(); i < row.tokens().length; i++) {
        counts.merge(row.tokens()[i], 1, Integer::sum);
      }
      counts.forEach(
          (token, count) -> logits[token] -= sampling.presence() + count * sampling.frequency());
    }
    for (int token : row.banned()) {
      logits[token] = Float.NEGATIVE_INFINITY;
    }
    var allowed = row.allowed();
    if (allowed != null) {
      keepAllowed(logits, allowed);
    }
  }

  private static void keepAllowed(float[] logits, long[] allowed) {
    for (int from = 0; from < logits.length; from += Long.SIZE) {
      var to = Math.min(from + Long.SIZE, logits.length);
      var word = from / Long.SIZE < allowed.length ? allowed[from / Long.SIZE] : 0;
      if (word == 0) {
        Arrays.fill(logits, from, to, Float.NEGATIVE_INFINITY);
      } else if (word != -1) {
        for (int i = from; i < to; i++) {
          if ((word >>> i & 1) == 0) {
            logits[i] = Float.NEGATIVE_INFINITY;
          }
        }
      }
    }
  }

  /// Sets to 0 what top-k, top-p and min-p leave out. Likeliest first, the lowest id of equals.
  private static void keepLikely(double[] p, Sampling sampling) {
    if (sampling.topK() == 0 && sampling.topP() == 1 && sampling.minP() == 0) {
      return;
    }
    var order = new Integer[p.length];
    Arrays.setAll(order, i -> i);
    Arrays.sort(order, Comparator.<Integer>comparingDouble(i -> -p[i]));
    var kept = sampling.topK() == 0 ? p.length : Math.min(sampling.topK(), p.length);

    var total = 0.0;
    for (int i = 0; i < kept; i++) {
      total += p[order[i]];
    }
    var sum = 0.0;
    for (int i = 0; i < kept; i++) {
      sum += p[order[i]];
      if (sum >= sampling.topP() * total) {
        kept = i + 1;
      }
    }
    var least = sampling.minP() * p[order[0]];
    for (int i = 0; i < p.length; i++) {
      if (i >= kept || p[order[i]] < least) {
        p[order[i]] = 0;
      }
    }
  }
}
