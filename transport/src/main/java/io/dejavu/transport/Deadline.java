package io.dejavu.transport;

import java.time.Duration;

/// A moment by which a wait ends, on this process's monotonic clock.
///
/// @param nanoTime as `System.nanoTime()` counts
public record Deadline(long nanoTime) {
  /// So long from now.
  public static Deadline in(Duration wait) {
    return new Deadline(System.nanoTime() + wait.toNanos());
  }

  /// Time left; 0 or less once it has passed.
  public long nanosLeft() {
    return nanoTime - System.nanoTime();
  }

  public boolean hasPassed() {
    return nanosLeft() <= 0;
  }

  /// The earlier of two.
  public Deadline or(Deadline other) {
    return nanoTime - other.nanoTime <= 0 ? this : other;
  }
}
