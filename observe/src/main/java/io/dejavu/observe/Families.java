package io.dejavu.observe;

import io.prometheus.metrics.model.snapshots.ClassicHistogramBuckets;
import io.prometheus.metrics.model.snapshots.CounterSnapshot;
import io.prometheus.metrics.model.snapshots.CounterSnapshot.CounterDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot.GaugeDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot.HistogramDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.InfoSnapshot;
import io.prometheus.metrics.model.snapshots.InfoSnapshot.InfoDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.Labels;
import io.prometheus.metrics.model.snapshots.MetricSnapshots;
import java.util.Arrays;
import java.util.Map;

/// The metric families of one scrape in the making.
final class Families {
  private final MetricSnapshots.Builder all = MetricSnapshots.builder();

  Families gauge(String name, String help, Labels labels, double value) {
    return gauges(name, help, Map.of(labels, value));
  }

  Families gauges(String name, String help, Map<Labels, Double> values) {
    var family = GaugeSnapshot.builder().name(name).help(help);
    values.forEach(
        (labels, value) ->
            family.dataPoint(GaugeDataPointSnapshot.builder().labels(labels).value(value).build()));
    all.metricSnapshot(family.build());
    return this;
  }

  /// @param name ends with `_total` in a scrape
  Families counter(String name, String help, Labels labels, long value) {
    return counters(name, help, Map.of(labels, value));
  }

  Families counters(String name, String help, Map<Labels, Long> values) {
    var family = CounterSnapshot.builder().name(name).help(help);
    values.forEach(
        (labels, value) ->
            family.dataPoint(
                CounterDataPointSnapshot.builder().labels(labels).value(value).build()));
    all.metricSnapshot(family.build());
    return this;
  }

  Families histogram(String name, String help, Labels labels, Distribution.Reading values) {
    return histograms(name, help, Map.of(labels, values));
  }

  Families histograms(String name, String help, Map<Labels, Distribution.Reading> values) {
    var family = HistogramSnapshot.builder().name(name).help(help);
    values.forEach(
        (labels, reading) ->
            family.dataPoint(
                HistogramDataPointSnapshot.builder()
                    .labels(labels)
                    .classicHistogramBuckets(buckets(reading))
                    .sum(reading.sum())
                    .build()));
    all.metricSnapshot(family.build());
    return this;
  }

  private static ClassicHistogramBuckets buckets(Distribution.Reading reading) {
    double[] bounds = Arrays.copyOf(reading.bounds(), reading.counts().length);
    bounds[bounds.length - 1] = Double.POSITIVE_INFINITY;
    return ClassicHistogramBuckets.of(bounds, reading.counts());
  }

  /// @param name ends with `_info` in a scrape
  Families facts(String name, String help, Labels facts) {
    all.metricSnapshot(
        InfoSnapshot.builder()
            .name(name)
            .help(help)
            .dataPoint(InfoDataPointSnapshot.builder().labels(facts).build())
            .build());
    return this;
  }

  MetricSnapshots with(MetricSnapshots others) {
    others.forEach(all::metricSnapshot);
    return all.build();
  }
}
