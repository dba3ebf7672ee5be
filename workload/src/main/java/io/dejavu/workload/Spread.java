package io.dejavu.workload;

import java.util.Arrays;

/// How values are spread: exact, over all of them. Percentiles between two values are interpolated
/// linearly, as NumPy and thus vLLM's benchmark do; the deviation is that of the whole population.
public final class Spread {
  private final double[] sorted;
  private final double mean;
  private final double deviation;

  private Spread(double[] values) {
    sorted = values.clone();
    Arrays.sort(sorted);
    mean = sorted.length == 0 ? 0 : Arrays.stream(sorted).sum() / sorted.length;
    deviation =
        sorted.length == 0
            ? 0
            : Math.sqrt(
                Arrays.stream(sorted).map(v -> (v - mean) * (v - mean)).sum() / sorted.length);
  }

  public static Spread of(double... values) {
    return new Spread(values);
  }

  public int count() {
    return sorted.length;
  }

  /// 0 if there are no values, as everything here.
  public double mean() {
    return mean;
  }

  public double deviation() {
    return deviation;
  }

  public double least() {
    return sorted.length == 0 ? 0 : sorted[0];
  }

  public double most() {
    return sorted.length == 0 ? 0 : sorted[sorted.length - 1];
  }

  public double median() {
    return percentile(50);
  }

  /// @param percent from 0 to 100
  public double percentile(double percent) {
    if (!(percent >= 0 && percent <= 100)) {
      throw new IllegalArgumentException("percentile " + percent);
    }
    if (sorted.length == 0) {
      return 0;
    }
    double rank = percent / 100 * (sorted.length - 1);
    int below = (int) rank;
    int above = Math.min(below + 1, sorted.length - 1);
    return sorted[below] + (rank - below) * (sorted[above] - sorted[below]);
  }

  @Override
  public String toString() {
    return "%d values, mean %.3f, %.3f to %.3f".formatted(count(), mean, least(), most());
  }
}
