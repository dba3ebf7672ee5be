package io.dejavu.observe;

import java.util.Arrays;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.DoubleAdder;

/// How often values fell where: one count per bucket, and the sum of all. Adding takes no lock.
/// Buckets may be read coarser than they were counted, so that one set of counts serves several
/// metrics.
final class Distribution {
  private final double[] bounds;
  private final AtomicLongArray counts;
  private final DoubleAdder sum = new DoubleAdder();

  /// @param bounds upper ones, included, in any order; beyond the largest there is one more bucket
  Distribution(double[]... bounds) {
    this.bounds =
        Arrays.stream(bounds).flatMapToDouble(Arrays::stream).sorted().distinct().toArray();
    this.counts = new AtomicLongArray(this.bounds.length + 1);
  }

  void add(double value) {
    int at = Arrays.binarySearch(bounds, value);
    counts.getAndIncrement(at >= 0 ? at : -at - 1);
    sum.add(value);
  }

  /// Adds a time between two readings of `System.nanoTime`, in seconds.
  void addNanos(long nanos) {
    add(Math.max(0, nanos) / 1e9);
  }

  /// @param counts of the values up to each bound and above the one before; the last: above all
  ///   bounds
  record Reading(double[] bounds, long[] counts, double sum) {
    long count() {
      return Arrays.stream(counts).sum();
    }
  }

  Reading read() {
    return read(bounds);
  }

  /// @param coarser some of this distribution's bounds, ascending
  /// @throws IllegalArgumentException if a bound is none of this distribution's
  Reading read(double[] coarser) {
    var read = new long[coarser.length + 1];
    int to = 0;
    for (int i = 0; i < counts.length(); i++) {
      read[to] += counts.get(i);
      if (to < coarser.length && i < bounds.length && bounds[i] >= coarser[to]) {
        if (bounds[i] > coarser[to]) {
          throw new IllegalArgumentException("%s is no bound".formatted(coarser[to]));
        }
        to++;
      }
    }
    return new Reading(coarser, read, sum.sum());
  }
}
