package io.dejavu.observe;

import java.util.Arrays;
import java.util.List;

/// A distribution of times since the start. The difference of two readings is the distribution of
/// the time between them.
///
/// @param bounds of buckets, in seconds; one more bucket lies above the last
/// @param counts one per bucket
public record LatencyCounts(List<Double> bounds, List<Long> counts) {
  static LatencyCounts of(Distribution.Reading reading) {
    return new LatencyCounts(
        Arrays.stream(reading.bounds()).boxed().toList(),
        Arrays.stream(reading.counts()).boxed().toList());
  }
}
