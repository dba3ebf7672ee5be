package io.dejavu.local;

import io.dejavu.engine.PreemptionCosts;
import io.dejavu.engine.StepPlan;

/// How fast this pipeline copies and computes prompts, as seen lately.
final class Pace {
  private static final double NEWEST = 0.2;

  private double swapBytesPerSecond;
  private double prefillTokensPerSecond;

  void copied(long bytes, long nanos) {
    swapBytesPerSecond = smooth(swapBytesPerSecond, perSecond(bytes, nanos));
  }

  /// Counts if it was mostly prompts.
  void computed(StepPlan plan, long nanos) {
    if (plan.tokens() >= 4 * plan.chunks().size()) {
      prefillTokensPerSecond = smooth(prefillTokensPerSecond, perSecond(plan.tokens(), nanos));
    }
  }

  PreemptionCosts costs() {
    return new PreemptionCosts(swapBytesPerSecond, prefillTokensPerSecond);
  }

  static double perSecond(long count, long nanos) {
    return count / (Math.max(1, nanos) / 1e9);
  }

  private static double smooth(double before, double now) {
    return before == 0 ? now : (1 - NEWEST) * before + NEWEST * now;
  }
}
