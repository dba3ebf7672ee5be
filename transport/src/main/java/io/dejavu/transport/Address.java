package io.dejavu.transport;

import java.net.URI;
import java.nio.file.Path;

/// Where somebody listens. Each has a form as text, which {@link #parse} reads.
public sealed interface Address {
  /// Over a network, or within a host: `tcp://HOST:PORT`, `tcp://[::1]:PORT`.
  ///
  /// @param port 0 for any free one, where one listens
  record Tcp(String host, int port) implements Address {
    public Tcp {
      if (host.isEmpty() || port < 0 || port > 65535) {
        throw new IllegalArgumentException("no host and port: '%s', %d".formatted(host, port));
      }
    }

    @Override
    public String toString() {
      return (host.indexOf(':') < 0 ? "tcp://%s:%d" : "tcp://[%s]:%d").formatted(host, port);
    }
  }

  /// Through a Unix-domain socket: `unix:/PATH`.
  record Unix(Path path) implements Address {
    @Override
    public String toString() {
      return "unix:" + path;
    }
  }

  /// Through memory that both processes map: `shm:/PATH` of the Unix-domain socket beside it, on
  /// which they meet, wake each other and notice each other's end.
  record SharedMemory(Path path) implements Address {
    @Override
    public String toString() {
      return "shm:" + path;
    }
  }

  /// Within this process: `inprocess:NAME`.
  record SameProcess(String name) implements Address {
    @Override
    public String toString() {
      return "inprocess:" + name;
    }
  }

  /// @throws IllegalArgumentException if it is none of the four
  static Address parse(String text) {
    int colon = text.indexOf(':');
    String rest = text.substring(colon + 1);
    return switch (text.substring(0, Math.max(colon, 0))) {
      case "tcp" -> tcp(text);
      case "unix" -> new Unix(path(text, rest));
      case "shm" -> new SharedMemory(path(text, rest));
      case "inprocess" -> new SameProcess(rest);
      default ->
          throw new IllegalArgumentException(
              "'%s' is none of tcp://HOST:PORT, unix:/PATH, shm:/PATH, inprocess:NAME"
                  .formatted(text));
    };
  }

  private static Tcp tcp(String text) {
    try {
      URI uri = URI.create(text);
      String host = uri.getHost();
      if (host != null && uri.getPort() >= 0 && uri.getPath().isEmpty()) {
        return new Tcp(host.replaceAll("[\\[\\]]", ""), uri.getPort());
      }
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException("'%s' is not tcp://HOST:PORT".formatted(text), e);
    }
    throw new IllegalArgumentException("'%s' is not tcp://HOST:PORT".formatted(text));
  }

  private static Path path(String text, String rest) {
    Path path = Path.of(rest);
    if (!path.isAbsolute()) {
      throw new IllegalArgumentException("'%s' has no absolute path".formatted(text));
    }
    return path;
  }
}
