package io.dejavu.engine;

import java.util.Comparator;
import java.util.List;

/// How many tokens a step should have at most: more compute more per second, up to a point, and
/// hold up the sequences that are being generated for longer.
public final class StepBudget {
  /// Of the highest speed; what is gained beyond is not worth the wait.
  private static final double ENOUGH = 0.9;

  private StepBudget() {}

  /// A step that was timed.
  ///
  /// @param tokens in it, all of one prompt
  /// @param seconds it took
  public record Measurement(int tokens, double seconds) {
    public Measurement {
      if (tokens < 1 || !(seconds > 0)) {
        throw new IllegalArgumentException("%d tokens in %s s".formatted(tokens, seconds));
      }
    }

    double tokensPerSecond() {
      return tokens / seconds;
    }
  }

  /// The knee of tokens per second over tokens per step: the shortest step that has 0.9 of the
  /// highest speed (Holmes et al. 2024, DeepSpeed-FastGen, §3.2).
  ///
  /// @throws IllegalArgumentException if nothing was measured
  public static int knee(List<Measurement> measurements) {
    double best =
        measurements.stream()
            .mapToDouble(Measurement::tokensPerSecond)
            .max()
            .orElseThrow(() -> new IllegalArgumentException("no step was measured"));
    return measurements.stream()
        .filter(measurement -> measurement.tokensPerSecond() >= ENOUGH * best)
        .min(Comparator.comparingInt(Measurement::tokens))
        .orElseThrow()
        .tokens();
  }
}
