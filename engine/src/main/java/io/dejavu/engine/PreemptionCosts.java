package io.dejavu.engine;

/// What it costs to move keys and values, and to compute them, as measured by whoever does it.
///
/// @param swapBytesPerSecond of copies to the host and back; 0: not known, never swap
/// @param prefillTokensPerSecond of prompts; 0: not known yet
/// @param diskBytesPerSecond of reading blocks from disk; 0: not known, never read
public record PreemptionCosts(
    double swapBytesPerSecond, double prefillTokensPerSecond, double diskBytesPerSecond) {
  public static final PreemptionCosts UNKNOWN = new PreemptionCosts(0, 0, 0);

  public PreemptionCosts(double swapBytesPerSecond, double prefillTokensPerSecond) {
    this(swapBytesPerSecond, prefillTokensPerSecond, 0);
  }

  /// Whether copying `bytes` out and in again takes less time than computing `tokens` again. What
  /// is not known takes the way that needs nothing: computing again.
  boolean swapIsCheaper(long bytes, int tokens) {
    return swapBytesPerSecond > 0
        && prefillTokensPerSecond > 0
        && 2 * bytes / swapBytesPerSecond < tokens / prefillTokensPerSecond;
  }

  /// Seconds to compute `tokens` of a prompt; 0: not known.
  double prefillSeconds(long tokens) {
    return prefillTokensPerSecond > 0 ? tokens / prefillTokensPerSecond : 0;
  }

  /// Seconds to copy `bytes` from a tier.
  double loadSeconds(Tier tier, long bytes) {
    double speed =
        switch (tier) {
          case HOST -> swapBytesPerSecond;
          case DISK -> diskBytesPerSecond;
        };
    return speed > 0 ? bytes / speed : Double.POSITIVE_INFINITY;
  }
}
