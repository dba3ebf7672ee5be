package io.dejavu.api;

import io.dejavu.engine.GenerationEvent;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

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

  private final BlockingQueue<Arrival> queue = new LinkedBlockingQueue<>();
  private final long start = System.nanoTime();
  private final Duration deadline;

  Arrivals(Duration deadline) {
    this.deadline = deadline;
  }

  void add(Arrival arrival) {
    queue.add(arrival);
  }

  /// Waits for at least one arrival and returns all there are.
  ///
  /// @throws HttpError when the request has taken too long
  List<Arrival> take() throws InterruptedException {
    Arrival first = queue.poll(nanosLeft(), TimeUnit.NANOSECONDS);
    if (first == null) {
      throw late();
    }
    var all = new ArrayList<Arrival>();
    all.add(first);
    queue.drainTo(all);
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
