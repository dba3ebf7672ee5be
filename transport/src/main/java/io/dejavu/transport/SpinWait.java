package io.dejavu.transport;

import java.time.Duration;

/// How long a thread looks again and again for what it waits for before it sleeps. First without
/// giving the core away, then giving it to whoever wants it.
final class SpinWait {
  /// At a ring: longer than it takes to wake a sleeper, because else two sides that answer each
  /// other would always find each other asleep.
  static final Duration AT_RING = Duration.ofNanos(100_000);

  /// At a socket, where each look is a system call: while much is on the way, the peer makes room
  /// or sends more within this time.
  static final Duration AT_SOCKET = Duration.ofNanos(30_000);

  private static final long ALONE_NANOS = 5_000;

  private final long since = System.nanoTime();
  private final long nanos;

  /// @param deadline at which it ends in any case
  SpinWait(Duration longest, Deadline deadline) {
    nanos = Math.min(longest.toNanos(), deadline.nanosLeft());
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
