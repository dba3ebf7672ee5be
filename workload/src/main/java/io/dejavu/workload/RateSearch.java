package io.dejavu.workload;

import java.util.OptionalDouble;

/// Finds the highest rate that a server sustains, by bisection between one that it did and one that
/// it did not. Decides, and measures nothing: ask [#next], tell [#observe].
///
/// Source of the measure (the highest rate with 90 % attainment): Zhong et al. 2024, DistServe, §6.
public final class RateSearch {
  private static final double GROWTH = 2;

  private final double enough;
  private final double precision;
  private final int mostSteps;
  private double rate;
  private double sustained; // 0: none yet
  private double tooMuch = Double.POSITIVE_INFINITY;
  private int steps;

  /// @param first rate that is tried
  /// @param enough least attainment, such as 0.9
  /// @param precision the search ends when the bounds are within this factor, such as 1.05
  /// @param mostSteps the search ends after so many
  public RateSearch(double first, double enough, double precision, int mostSteps) {
    if (!(first > 0 && Double.isFinite(first))
        || !(enough > 0 && enough <= 1)
        || !(precision > 1)
        || mostSteps < 1) {
      throw new IllegalArgumentException(
          "from %s, %s attained, within %s, %d steps"
              .formatted(first, enough, precision, mostSteps));
    }
    this.rate = first;
    this.enough = enough;
    this.precision = precision;
    this.mostSteps = mostSteps;
  }

  /// The rate to try now; none when the search is over.
  public OptionalDouble next() {
    boolean close = sustained > 0 && tooMuch / sustained <= precision;
    return close || steps >= mostSteps ? OptionalDouble.empty() : OptionalDouble.of(rate);
  }

  /// What came of the rate of [#next].
  public void observe(double attainment) {
    steps++;
    if (attainment >= enough) {
      sustained = Math.max(sustained, rate);
    } else {
      tooMuch = Math.min(tooMuch, rate);
    }
    rate =
        sustained == 0
            ? tooMuch / GROWTH
            : Double.isInfinite(tooMuch) ? sustained * GROWTH : (sustained + tooMuch) / 2;
  }

  /// The highest rate that was sustained, if any was.
  public OptionalDouble best() {
    return sustained > 0 ? OptionalDouble.of(sustained) : OptionalDouble.empty();
  }

  /// The lowest rate that was too much, if any was.
  public OptionalDouble tooMuch() {
    return Double.isInfinite(tooMuch) ? OptionalDouble.empty() : OptionalDouble.of(tooMuch);
  }
}
