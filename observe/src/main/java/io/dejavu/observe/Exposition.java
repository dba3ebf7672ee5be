package io.dejavu.observe;

import io.prometheus.metrics.expositionformats.ExpositionFormats;
import io.prometheus.metrics.instrumentation.jvm.JvmMetrics;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import io.prometheus.metrics.model.snapshots.MetricSnapshots;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import org.jspecify.annotations.Nullable;

/// Writes a scrape. Made by the first one: the library and the JVM's own metrics take some tens of
/// milliseconds to load.
final class Exposition {
  private final ExpositionFormats formats = ExpositionFormats.init();
  private final PrometheusRegistry jvm = new PrometheusRegistry();

  Exposition() {
    JvmMetrics.builder().register(jvm);
  }

  /// With the JVM's own.
  MetricSnapshots all(Families ours) {
    return ours.with(jvm.scrape());
  }

  /// @param accept the header of that name; null: Prometheus' text format
  Scrape write(MetricSnapshots all, @Nullable String accept) {
    var writer = formats.findWriter(accept);
    var bytes = new ByteArrayOutputStream(64 << 10);
    try {
      writer.write(bytes, all);
    } catch (IOException e) {
      throw new UncheckedIOException("a byte array takes everything", e);
    }
    return new Scrape(writer.getContentType(), bytes.toByteArray());
  }
}
