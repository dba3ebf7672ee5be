package io.dejavu.api;

import java.time.Duration;

/// A bucket that fills at a steady rate and is emptied by what is spent: the average is limited,
/// bursts up to `capacity` are not. A value; time comes in as nanoseconds of any clock that does
/// not go back.
///
/// @param capacity also the most that is ever in it
/// @param perMinute how fast it fills
/// @param level what was in it `at`; negative when more was spent than there was
record TokenBucket(double capacity, double perMinute, double level, long at) {
  private static final double NANOS = 60e9;

  static TokenBucket full(long perMinute, long now) {
    return new TokenBucket(perMinute, perMinute, perMinute, now);
  }

  /// The same bucket later.
  TokenBucket on(long now) {
    double filled = Math.max(0, now - at) * perMinute / NANOS;
    return new TokenBucket(capacity, perMinute, Math.min(capacity, level + filled), now);
  }

  /// Less what is spent now.
  TokenBucket minus(double amount) {
    return new TokenBucket(capacity, perMinute, level - amount, at);
  }

  /// Time until there is so much in it; zero if there is. More than `capacity` never is.
  Duration until(double amount) {
    double missing = amount - level;
    return missing <= 0
        ? Duration.ZERO
        : Duration.ofNanos((long) Math.ceil(missing * NANOS / perMinute));
  }
}
