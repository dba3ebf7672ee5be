package io.dejavu.local;

import java.util.OptionalLong;
import java.util.TreeSet;

/// When which sequence must be done: the step loop's alarm clock. Times are `System.nanoTime()`.
final class Deadlines {
  // Differences of nanoTime are meaningful, its values are not.
  private final TreeSet<Deadline> soonest =
      new TreeSet<>(
          (a, b) -> a.at == b.at ? Long.compare(a.sequence, b.sequence) : Long.signum(a.at - b.at));

  private record Deadline(long at, long sequence) {}

  /// Sets the alarm of a live request, if it has a timeout.
  void add(LiveRequest live) {
    if (live.request.timeout() != null) {
      soonest.add(of(live));
    }
  }

  /// It has ended.
  void remove(LiveRequest live) {
    if (live.request.timeout() != null) {
      soonest.remove(of(live));
    }
  }

  /// Takes out a sequence whose time is over at `now`, if there is one.
  OptionalLong expired(long now) {
    if (soonest.isEmpty() || soonest.first().at - now > 0) {
      return OptionalLong.empty();
    }
    return OptionalLong.of(soonest.pollFirst().sequence);
  }

  int size() {
    return soonest.size();
  }

  private static Deadline of(LiveRequest live) {
    var timeout = live.request.timeout();
    // Half of what a long holds is 146 years.
    long nanos =
        timeout == null || timeout.toSeconds() > Long.MAX_VALUE / 2_000_000_000
            ? Long.MAX_VALUE / 2
            : timeout.toNanos();
    return new Deadline(live.submittedAt + nanos, live.sequence);
  }
}
