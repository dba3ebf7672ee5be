package io.dejavu.api;

import io.dejavu.engine.GenerationEvent;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/// What one request waits for: events of all its sequences, and reasons to give up. Filled by the
/// engine's thread, the client's watcher and the server that stops; emptied by the request's
/// thread.
///
/// Unbounded as a queue and bounded by what fills it: a sequence has at most `maxTokens` events and
/// two more.
final class Arrivals {
  sealed interface Arrival {
    /// @param sequence of the request
    record Event(int sequence, GenerationEvent event) implements Arrival {}

    /// The client has left; nobody reads an answer.
    record ClientGone() implements Arrival {}

    /// The answer can't be completed.
    record GiveUp(HttpError error) implements Arrival {}
  }

  private final Queue<Arrival> queue = new ConcurrentLinkedQueue<>();
  private final long start = System.nanoTime();
  private final Duration deadline;

  /// Whether tokens are waited for, and not only ends.
  private volatile boolean eager = true;

  /// Whether something came that is waited for.
  private volatile boolean ready;

  private volatile @Nullable Thread waiting;

  Arrivals(Duration deadline) {
    this.deadline = deadline;
  }

  /// From now on, [#take] waits for the end of a sequence: nobody reads a part of the answer.
  void awaitEnds() {
    eager = false;
  }

  void add(Arrival arrival) {
    queue.add(arrival);
    if (eager || !isToken(arrival)) {
      ready = true;
      var thread = waiting;
      if (thread != null) {
        LockSupport.unpark(thread);
      }
    }
  }

  private static boolean isToken(Arrival arrival) {
    return arrival instanceof Arrival.Event(_, GenerationEvent.Token _);
  }

  /// Waits for at least one arrival and returns all there are. Called by one thread, whose
  /// [ClientConnection] adds a `GiveUp` when the request has taken too long: a deadline per wait
  /// would cost more than all else here.
  List<Arrival> take() throws InterruptedException {
    waiting = Thread.currentThread();
    while (!ready) {
      LockSupport.park(this);
      if (Thread.interrupted()) {
        throw new InterruptedException();
      }
    }
    ready = false; // before it is emptied: what comes from now on says so again
    waiting = null;
    var all = new ArrayList<Arrival>();
    for (var next = queue.poll(); next != null; next = queue.poll()) {
      all.add(next);
    }
    return all;
  }

  /// Time until the deadline.
  long nanosLeft() {
    return deadline.toNanos() - (System.nanoTime() - start);
  }

  /// What is answered after the deadline.
  HttpError late() {
    return new HttpError(
        504,
        "server_error",
        "not complete after %d s".formatted(deadline.toSeconds()),
        null,
        "timeout");
  }
}
