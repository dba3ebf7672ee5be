package io.dejavu.local;

import io.dejavu.engine.PreemptionCosts;
import io.dejavu.engine.StepPlan;

/// How fast this pipeline copies and computes prompts, as seen lately.
final class Pace {
  private static final double NEWEST = 0.2;

  private double swapBytesPerSecond;
  private double prefillTokensPerSecond;
  private double diskBytesPerSecond;

  void copied(long bytes, long nanos) {
    swapBytesPerSecond = smooth(swapBytesPerSecond, perSecond(bytes, nanos));
  }

  /// Blocks came from disk.
  void read(long bytes, long nanos) {
    diskBytesPerSecond = smooth(diskBytesPerSecond, perSecond(bytes, nanos));
  }

  /// What another process has seen of prompts here, until this one has seen some.
  void assume(double prefillTokensPerSecond) {
    if (this.prefillTokensPerSecond == 0) {
      this.prefillTokensPerSecond = prefillTokensPerSecond;
    }
  }

  double prefillTokensPerSecond() {
    return prefillTokensPerSecond;
  }

  /// Counts if it was mostly prompts.
  void computed(StepPlan plan, long nanos) {
    if (plan.tokens() >= 4 * plan.chunks().size()) {
      prefillTokensPerSecond = smooth(prefillTokensPerSecond, perSecond(plan.tokens(), nanos));
    }
  }

  PreemptionCosts costs() {
    return new PreemptionCosts(swapBytesPerSecond, prefillTokensPerSecond, diskBytesPerSecond);
  }

  static double perSecond(long count, long nanos) {
    return count / (Math.max(1, nanos) / 1e9);
  }

  private static double smooth(double before, double now) {
    return before == 0 ? now : (1 - NEWEST) * before + NEWEST * now;
  }
}
