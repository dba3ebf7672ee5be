package io.dejavu.transport;

/// How long a thread looks again and again at a ring before it sleeps. First without giving the
/// core away, then giving it to whoever wants it.
final class SpinWait {
  /// Longer than it takes to wake a sleeper, because else two sides that answer each other would
  /// always find each other asleep.
  private static final long LONGEST_NANOS = 100_000;

  private static final long ALONE_NANOS = 5_000;

  private final long since = System.nanoTime();
  private final long nanos;

  /// @param deadline at which it ends in any case
  SpinWait(Deadline deadline) {
    nanos = Math.min(LONGEST_NANOS, deadline.nanosLeft());
  }

  /// Waits a moment.
  ///
  /// @return whether to look again, and not to sleep yet
  @SuppressWarnings("ThreadPriorityCheck") // nothing relies on it: the loop ends by the clock
  boolean lasts() {
    long waited = System.nanoTime() - since;
    if (waited < ALONE_NANOS) {
      Thread.onSpinWait();
    } else {
      Thread.yield();
    }
    return waited < nanos;
  }
}
