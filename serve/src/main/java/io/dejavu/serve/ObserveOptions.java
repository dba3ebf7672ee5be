package io.dejavu.serve;

import io.dejavu.observe.Telemetry;
import io.dejavu.observe.TelemetryConfig;
import io.dejavu.serve.cli.Installation;
import io.dejavu.serve.logging.LogFormat;
import io.dejavu.serve.logging.LogLevel;
import io.dejavu.serve.logging.RequestLog;
import java.time.Clock;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/// What a server tells of itself, and to whom.
final class ObserveOptions {
  @Spec(Spec.Target.MIXEE)
  @Nullable CommandSpec spec;

  @Option(
      names = "--log-format",
      paramLabel = "FORMAT",
      description =
          "text, or json: one object per line. Each request is logged when it ends, without what it"
              + " asked or was answered. Default: text.")
  LogFormat logFormat = LogFormat.TEXT;

  @Option(
      names = "--otlp-endpoint",
      paramLabel = "URL",
      description =
          "Sends a trace of each request to this OpenTelemetry collector, as OTLP over HTTP, such as"
              + " http://localhost:4318. Default: OTEL_EXPORTER_OTLP_ENDPOINT, or no traces.")
  @Nullable String otlpEndpoint;

  @Option(
      names = "--verbose",
      description = "Logs more: health checks and scrapes too, and the phases of the start.")
  boolean verbose;

  /// Before anything is logged.
  void startLogging() {
    LogFormat.set(logFormat);
    LogLevel.set(verbose ? "DEBUG" : "INFO");
  }

  Telemetry telemetry() {
    try {
      var config = TelemetryConfig.of(Installation.version(), otlpEndpoint, System.getenv());
      return new Telemetry(config, Clock.systemUTC(), new RequestLog());
    } catch (IllegalArgumentException e) {
      if (spec == null) {
        throw e;
      }
      throw new ParameterException(spec.commandLine(), "--otlp-endpoint: " + e.getMessage(), e);
    }
  }
}
