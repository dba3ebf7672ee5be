package io.dejavu.hub;

import java.time.Duration;

/// How often and when something is tried again: some times in a row, after pauses that double, or
/// that the server asks for.
final class Pauses {
  private static final System.Logger LOG = System.getLogger(Pauses.class.getName());

  private static final Duration NOTICEABLE = Duration.ofSeconds(2);

  private final int attempts;
  private final Duration longest;
  private final Duration first;
  private int failures;

  Pauses(HubConfig config, int attempts) {
    this.attempts = attempts;
    this.first = config.firstPause();
    this.longest = config.longestPause();
  }

  /// Something was achieved: failures are counted anew.
  void restart() {
    failures = 0;
  }

  /// Returns when it is time for another attempt.
  ///
  /// @throws HubException.Passing `problem`, if there were enough
  void after(HubException.Passing problem) throws InterruptedException {
    failures++;
    Duration pause = pause(problem);
    if (failures >= attempts || pause.compareTo(longest) > 0) {
      throw problem;
    }
    LOG.log(
        pause.compareTo(NOTICEABLE) < 0 ? System.Logger.Level.INFO : System.Logger.Level.WARNING,
        "{0}; again in {1} ms",
        problem.getMessage(),
        Long.toString(pause.toMillis()));
    Thread.sleep(pause);
  }

  private Duration pause(HubException.Passing problem) {
    if (problem.retryAfterSeconds >= 0) {
      return Duration.ofSeconds(problem.retryAfterSeconds);
    }
    Duration doubled = first.multipliedBy(1L << Math.min(failures - 1, 20));
    return doubled.compareTo(longest) > 0 ? longest : doubled;
  }
}
