package io.dejavu.api;

import java.time.Duration;

/// Configurations for tests that wait for a deadline.
final class Deadlines {
  private Deadlines() {}

  static ApiConfig of(Duration read, Duration write) {
    return of(read, write, ApiConfig.DEFAULT.requestDeadline());
  }

  static ApiConfig of(Duration read, Duration write, Duration request) {
    var config = ApiConfig.DEFAULT;
    return new ApiConfig(
        config.host(),
        0,
        config.bodyBytes(),
        config.requests(),
        config.sequences(),
        config.connections(),
        request,
        read,
        write,
        config.idleDeadline(),
        config.retryAfter(),
        config.access(),
        config.pooling(),
        config.tls());
  }
}
