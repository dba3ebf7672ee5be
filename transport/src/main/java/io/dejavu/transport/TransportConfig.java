package io.dejavu.transport;

import java.time.Duration;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;

/// How connections are made and what they hold.
///
/// @param handshake longest that a peer may take to prove who it is
/// @param patience longest pause within a head that has begun to arrive
/// @param mostBody most bytes of a frame's body that is accepted
/// @param ringBytes what may be on the way through shared memory or within the process, in each
///   direction; a power of two from 4096
/// @param beyondLoopback whether TCP listens where other machines can reach it
/// @param tls for TCP, both when listening and when connecting; null for none. Its trust decides
///   whose certificate is good, on both sides: listeners ask for one, too
public record TransportConfig(
    Duration handshake,
    Duration patience,
    long mostBody,
    long ringBytes,
    boolean beyondLoopback,
    @Nullable SSLContext tls) {
  /// Loopback only, without encryption.
  public static final TransportConfig DEFAULT =
      new TransportConfig(
          Duration.ofSeconds(5), Duration.ofSeconds(10), 1L << 30, 8L << 20, false, null);

  public TransportConfig {
    if (handshake.isNegative() || handshake.isZero() || patience.isNegative()) {
      throw new IllegalArgumentException(
          "handshake within %s, patience of %s".formatted(handshake, patience));
    }
    if (mostBody < 0) {
      throw new IllegalArgumentException("bodies of at most %d bytes".formatted(mostBody));
    }
    if (ringBytes < 4096 || Long.bitCount(ringBytes) != 1) {
      throw new IllegalArgumentException(
          "ringBytes is no power of two from 4096: %d".formatted(ringBytes));
    }
  }

  public TransportConfig withHandshake(Duration longest) {
    return new TransportConfig(longest, patience, mostBody, ringBytes, beyondLoopback, tls);
  }

  public TransportConfig withPatience(Duration longest) {
    return new TransportConfig(handshake, longest, mostBody, ringBytes, beyondLoopback, tls);
  }

  public TransportConfig withMostBody(long bytes) {
    return new TransportConfig(handshake, patience, bytes, ringBytes, beyondLoopback, tls);
  }

  public TransportConfig withRingBytes(long bytes) {
    return new TransportConfig(handshake, patience, mostBody, bytes, beyondLoopback, tls);
  }

  public TransportConfig withBeyondLoopback(boolean allowed) {
    return new TransportConfig(handshake, patience, mostBody, ringBytes, allowed, tls);
  }

  public TransportConfig withTls(SSLContext context) {
    return new TransportConfig(handshake, patience, mostBody, ringBytes, beyondLoopback, context);
  }
}
