package io.dejavu.workload;

import java.util.function.LongSupplier;

/// Nanoseconds since a run began.
///
/// @param nanoTime a monotonic clock
/// @param begin its reading then
public record RunClock(LongSupplier nanoTime, long begin) {
  static RunClock startingNow(LongSupplier nanoTime) {
    return new RunClock(nanoTime, nanoTime.getAsLong());
  }

  public long now() {
    return nanoTime.getAsLong() - begin;
  }

  /// What a reading of the same clock is in this run.
  long at(long reading) {
    return reading - begin;
  }
}
