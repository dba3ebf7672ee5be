package io.dejavu.transport;

/// How long a thread looks again and again at a ring before it sleeps. First without giving the
/// core away, then giving it to whoever wants it: together longer than it takes to wake a sleeper,
/// because else two sides that answer each other would always find each other asleep.
final class SpinWait {
  private static final long SPIN_NANOS = 5_000;
  private static final long YIELD_NANOS = 100_000;

  private final long since = System.nanoTime();

  /// Waits a moment.
  ///
  /// @return whether to look again, and not to sleep yet
  @SuppressWarnings("ThreadPriorityCheck") // nothing relies on it: the loop ends by the clock
  boolean lasts() {
    long waited = System.nanoTime() - since;
    if (waited < SPIN_NANOS) {
      Thread.onSpinWait();
    } else {
      Thread.yield();
    }
    return waited < YIELD_NANOS;
  }
}
