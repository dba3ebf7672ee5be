/// What an operator sees: counts, times and traces of requests and steps. A room of its own because
/// nothing else knows Prometheus or OpenTelemetry, and because applications without HTTP can be
/// watched too. Recording costs some additions; the libraries are loaded by the first scrape and by
/// the first trace. Start at `Telemetry`.
@org.jspecify.annotations.NullMarked
module io.dejavu.observe {
  requires static transitive org.jspecify;
  requires transitive io.dejavu.engine;
  requires io.opentelemetry.api;
  requires io.opentelemetry.common;
  requires io.opentelemetry.context;
  requires io.opentelemetry.exporter.otlp;
  requires io.opentelemetry.sdk.common;
  requires io.opentelemetry.sdk.trace;
  requires io.prometheus.metrics.core;
  requires io.prometheus.metrics.instrumentation.jvm;
  requires io.prometheus.metrics.model;
  requires io.prometheus.writer.text;
  requires java.net.http;
  requires static jdk.httpserver; // the collector of the tests

  exports io.dejavu.observe;

  provides io.opentelemetry.sdk.common.export.HttpSenderProvider with
      io.dejavu.observe.OtlpSenderProvider;
}
