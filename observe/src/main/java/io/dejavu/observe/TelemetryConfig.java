package io.dejavu.observe;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.net.URI;
import java.net.URLDecoder;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Where traces go, and under what name.
///
/// @param version of this software
/// @param otlpEndpoint of a collector, for OTLP over HTTP; null: no traces
/// @param otlpHeaders sent with them, such as a key
/// @param serviceName in traces
public record TelemetryConfig(
    String version,
    @Nullable URI otlpEndpoint,
    Map<String, String> otlpHeaders,
    String serviceName) {
  private static final String PATH = "/v1/traces";

  public TelemetryConfig {
    otlpHeaders = Map.copyOf(otlpHeaders);
  }

  /// Metrics only.
  public static TelemetryConfig of(String version) {
    return new TelemetryConfig(version, null, Map.of(), "dejavu");
  }

  /// With traces if an endpoint is named, here or in the environment:
  /// `OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`,
  /// `OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_SERVICE_NAME`, as OpenTelemetry defines them.
  ///
  /// @param endpoint goes before the environment's; null: none
  /// @throws IllegalArgumentException if it is no http or https URL
  public static TelemetryConfig of(
      String version, @Nullable String endpoint, Map<String, String> environment) {
    var url = endpoint;
    if (url == null) {
      url = environment.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
    }
    if (url == null) {
      url = environment.get("OTEL_EXPORTER_OTLP_ENDPOINT");
    }
    if (url == null
        || url.isBlank()
        || Boolean.parseBoolean(environment.get("OTEL_SDK_DISABLED"))) {
      return of(version);
    }
    return new TelemetryConfig(
        version,
        tracesOf(url.strip()),
        headers(environment.getOrDefault("OTEL_EXPORTER_OTLP_HEADERS", "")),
        environment.getOrDefault("OTEL_SERVICE_NAME", "dejavu"));
  }

  private static URI tracesOf(String url) {
    var uri = URI.create(url);
    if (uri.getHost() == null
        || !("http".equals(uri.getScheme()) || "https".equals(uri.getScheme()))) {
      throw new IllegalArgumentException(
          "the OTLP endpoint is '%s', must be a URL such as http://localhost:4318".formatted(url));
    }
    return url.endsWith(PATH) ? uri : URI.create(url.replaceFirst("/+$", "") + PATH);
  }

  /// `key=value,key=value`, values percent-encoded.
  private static Map<String, String> headers(String text) {
    var headers = new LinkedHashMap<String, String>();
    for (String pair : text.split(",", -1)) {
      int at = pair.indexOf('=');
      if (at > 0) {
        headers.put(
            pair.substring(0, at).strip(),
            URLDecoder.decode(pair.substring(at + 1).strip().replace("+", "%2B"), UTF_8));
      }
    }
    return headers;
  }
}
