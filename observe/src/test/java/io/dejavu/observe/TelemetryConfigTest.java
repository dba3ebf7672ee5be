package io.dejavu.observe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class TelemetryConfigTest {
  @Test
  void nothingIsTracedUnlessAnEndpointIsNamed() {
    assertThat(TelemetryConfig.of("1", null, Map.of()).otlpEndpoint()).isNull();
    assertThat(
            TelemetryConfig.of("1", null, Map.of("OTEL_EXPORTER_OTLP_ENDPOINT", " "))
                .otlpEndpoint())
        .isNull();
    assertThat(
            TelemetryConfig.of("1", "http://c:4318", Map.of("OTEL_SDK_DISABLED", "true"))
                .otlpEndpoint())
        .isNull();
  }

  @ParameterizedTest
  @CsvSource({
    "http://c:4318, http://c:4318/v1/traces",
    "http://c:4318/, http://c:4318/v1/traces",
    "https://c/otlp, https://c/otlp/v1/traces",
    "http://c:4318/v1/traces, http://c:4318/v1/traces",
  })
  void theEndpointIsThatOfTheCollectorOrOfItsTraces(String given, String traces) {
    assertThat(TelemetryConfig.of("1", given, Map.of()).otlpEndpoint()).hasToString(traces);
  }

  @ParameterizedTest
  @ValueSource(strings = {"localhost:4318", "ftp://c/", "http:///x"})
  void whatIsNoHttpUrlIsRefused(String url) {
    assertThatThrownBy(() -> TelemetryConfig.of("1", url, Map.of()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(url);
  }

  @Test
  void theEnvironmentIsReadAsOpenTelemetryDefinesIt() {
    var config =
        TelemetryConfig.of(
            "1",
            null,
            Map.of(
                "OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318",
                "OTEL_EXPORTER_OTLP_HEADERS", "api-key=a%2Cb+c, x = y",
                "OTEL_SERVICE_NAME", "shop"));

    assertThat(config.otlpEndpoint()).hasToString("http://c:4318/v1/traces");
    assertThat(config.otlpHeaders()).isEqualTo(Map.of("api-key", "a,b+c", "x", "y"));
    assertThat(config.serviceName()).isEqualTo("shop");
  }
}
