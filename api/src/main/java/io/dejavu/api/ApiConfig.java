package io.dejavu.api;

import io.dejavu.engine.Pooling;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/// How the HTTP edge behaves: where it listens and what a client may ask of it.
///
/// @param host address to listen on
/// @param port 0: any free one
/// @param bodyBytes largest request body
/// @param requests most completions under way at once; more get 429
/// @param sequences most sequences of one request (prompts × `n`)
/// @param connections most open connections
/// @param requestDeadline longest time for one completion, waiting included
/// @param readDeadline longest time for a request to arrive, from its first byte
/// @param writeDeadline longest time that a write may wait for a slow reader
/// @param idleDeadline longest time that a connection is kept between requests
/// @param retryAfter what clients are told that come when there is no room
/// @param access who may ask, and how much
/// @param pooling how embeddings are made where a request does not say
/// @param tls null: HTTP without encryption
public record ApiConfig(
    String host,
    int port,
    int bodyBytes,
    int requests,
    int sequences,
    int connections,
    Duration requestDeadline,
    Duration readDeadline,
    Duration writeDeadline,
    Duration idleDeadline,
    Duration retryAfter,
    Access access,
    Pooling pooling,
    @Nullable ServerTls tls) {
  public static final ApiConfig DEFAULT =
      new ApiConfig(
          "127.0.0.1",
          8080,
          8 << 20,
          1024,
          128,
          4096,
          Duration.ofMinutes(10),
          Duration.ofSeconds(30),
          Duration.ofSeconds(30),
          Duration.ofMinutes(2),
          Duration.ofSeconds(1),
          Access.OPEN,
          Pooling.LAST,
          null);

  public ApiConfig {
    if (port < 0 || port > 65_535) {
      throw new IllegalArgumentException("port is %d, must be between 0 and 65535".formatted(port));
    }
    positive("bodyBytes", bodyBytes);
    positive("requests", requests);
    positive("sequences", sequences);
    positive("connections", connections);
    positive("requestDeadline", requestDeadline.toMillis());
    positive("readDeadline", readDeadline.toMillis());
    positive("writeDeadline", writeDeadline.toMillis());
    positive("idleDeadline", idleDeadline.toMillis());
    if (pooling == Pooling.NONE) {
      throw new IllegalArgumentException("embeddings need a kind of pooling");
    }
    positive("retryAfter", retryAfter.toSeconds());
  }

  /// Listening elsewhere.
  public ApiConfig at(String host, int port) {
    return new ApiConfig(
        host,
        port,
        bodyBytes,
        requests,
        sequences,
        connections,
        requestDeadline,
        readDeadline,
        writeDeadline,
        idleDeadline,
        retryAfter,
        access,
        pooling,
        tls);
  }

  /// With another deadline for a completion.
  public ApiConfig within(Duration requestDeadline) {
    return new ApiConfig(
        host,
        port,
        bodyBytes,
        requests,
        sequences,
        connections,
        requestDeadline,
        readDeadline,
        writeDeadline,
        idleDeadline,
        retryAfter,
        access,
        pooling,
        tls);
  }

  /// Of at most so many bytes per request, requests and connections at once.
  public ApiConfig limited(int bodyBytes, int requests, int connections) {
    return new ApiConfig(
        host,
        port,
        bodyBytes,
        requests,
        sequences,
        connections,
        requestDeadline,
        readDeadline,
        writeDeadline,
        idleDeadline,
        retryAfter,
        access,
        pooling,
        tls);
  }

  /// For those alone.
  public ApiConfig with(Access access) {
    return new ApiConfig(
        host,
        port,
        bodyBytes,
        requests,
        sequences,
        connections,
        requestDeadline,
        readDeadline,
        writeDeadline,
        idleDeadline,
        retryAfter,
        access,
        pooling,
        tls);
  }

  /// With embeddings of another kind.
  public ApiConfig with(Pooling pooling) {
    return new ApiConfig(
        host,
        port,
        bodyBytes,
        requests,
        sequences,
        connections,
        requestDeadline,
        readDeadline,
        writeDeadline,
        idleDeadline,
        retryAfter,
        access,
        pooling,
        tls);
  }

  /// Encrypted.
  public ApiConfig with(ServerTls tls) {
    return new ApiConfig(
        host,
        port,
        bodyBytes,
        requests,
        sequences,
        connections,
        requestDeadline,
        readDeadline,
        writeDeadline,
        idleDeadline,
        retryAfter,
        access,
        pooling,
        tls);
  }

  private static void positive(String name, long value) {
    if (value <= 0) {
      throw new IllegalArgumentException("%s is %d, must be positive".formatted(name, value));
    }
  }
}
