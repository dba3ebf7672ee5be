package io.dejavu.observe;

import io.opentelemetry.sdk.common.export.HttpSender;
import io.opentelemetry.sdk.common.export.HttpSenderConfig;
import io.opentelemetry.sdk.common.export.HttpSenderProvider;

/// How OpenTelemetry's exporter finds [OtlpSender].
@SuppressWarnings("exports") // public for the service loader only
public final class OtlpSenderProvider implements HttpSenderProvider {
  /// For the service loader.
  public OtlpSenderProvider() {}

  @Override
  public HttpSender createSender(HttpSenderConfig config) {
    return new OtlpSender(config);
  }
}
