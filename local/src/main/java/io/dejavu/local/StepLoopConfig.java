package io.dejavu.local;

import java.time.Duration;

/// How long the step loop may take.
///
/// @param stallAfter a step that takes longer makes the engine unhealthy until it is done
/// @param selfCheckEvery how often an idle engine proves that it can still compute
/// @param closeWithin longest wait for the step under way when the loop is closed
/// @param measuresSteps whether it finds out how many tokens a step should have, when it first has
///   nothing to do
public record StepLoopConfig(
    Duration stallAfter, Duration selfCheckEvery, Duration closeWithin, boolean measuresSteps) {
  public static final StepLoopConfig DEFAULT =
      new StepLoopConfig(
          Duration.ofSeconds(60), Duration.ofSeconds(60), Duration.ofSeconds(30), false);

  public StepLoopConfig {
    if (!stallAfter.isPositive() || !selfCheckEvery.isPositive() || !closeWithin.isPositive()) {
      throw new IllegalArgumentException(
          "stalled after %s, self-check every %s, closed within %s"
              .formatted(stallAfter, selfCheckEvery, closeWithin));
    }
  }

  public StepLoopConfig withMeasuredSteps() {
    return new StepLoopConfig(stallAfter, selfCheckEvery, closeWithin, true);
  }
}
