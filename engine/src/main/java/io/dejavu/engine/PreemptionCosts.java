package io.dejavu.engine;

/// What it costs to take a sequence's memory away, as measured by whoever does it.
///
/// @param swapBytesPerSecond of copies to the host and back; 0: not known, never swap
/// @param prefillTokensPerSecond of prompts; 0: not known yet
public record PreemptionCosts(double swapBytesPerSecond, double prefillTokensPerSecond) {
  public static final PreemptionCosts UNKNOWN = new PreemptionCosts(0, 0);

  /// Whether copying `bytes` out and in again takes less time than computing `tokens` again. What
  /// is not known takes the way that needs nothing: computing again.
  boolean swapIsCheaper(long bytes, int tokens) {
    return swapBytesPerSecond > 0
        && prefillTokensPerSecond > 0
        && 2 * bytes / swapBytesPerSecond < tokens / prefillTokensPerSecond;
  }
}
