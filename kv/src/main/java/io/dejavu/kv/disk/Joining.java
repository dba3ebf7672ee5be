package io.dejavu.kv.disk;

import io.dejavu.transport.Deadline;
import java.time.Duration;

/// Waiting for the threads of something that is being closed.
public final class Joining {
  private Joining() {}

  /// Waits for the ends of these threads, also if this thread is interrupted, and then stays so:
  /// files and memory that were not closed would stay for the life of the process.
  ///
  /// @param patience with each, until one takes longer
  /// @return whether all have ended
  public static boolean join(Duration patience, Thread... threads) {
    boolean wasInterrupted = false;
    boolean allEnded = true;
    for (int i = 0; i < threads.length && allEnded; i++) {
      var thread = threads[i];
      for (var deadline = Deadline.in(patience); thread.isAlive() && !deadline.hasPassed(); ) {
        try {
          var _ = thread.join(Duration.ofNanos(Math.max(1, deadline.nanosLeft())));
        } catch (InterruptedException _) {
          wasInterrupted = true;
        }
      }
      allEnded = !thread.isAlive();
    }
    if (wasInterrupted) {
      Thread.currentThread().interrupt();
    }
    return allEnded;
  }
}
