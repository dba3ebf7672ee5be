package io.dejavu.workload;

import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.util.Deque;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/// Connections to one server, used again: as many as there ever were requests at once.
final class ConnectionPool implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(ConnectionPool.class.getName());

  private final URI server;
  private final Duration patience;
  private final LongSupplier nanoTime;
  private final Deque<HttpConnection> idle = new ConcurrentLinkedDeque<>();

  ConnectionPool(URI server, Duration patience, LongSupplier nanoTime) {
    this.server = server;
    this.patience = patience;
    this.nanoTime = nanoTime;
  }

  /// One that was used before, which the server may have closed meanwhile; or null.
  @Nullable HttpConnection used() {
    return idle.pollFirst();
  }

  HttpConnection fresh() throws IOException {
    return HttpConnection.open(server, patience, nanoTime);
  }

  /// Takes a connection whose answer was read, or failed.
  void giveBack(HttpConnection connection) {
    if (connection.isReusable()) {
      idle.addFirst(connection);
    } else {
      close(connection);
    }
  }

  @Override
  public void close() {
    for (var connection = idle.poll(); connection != null; connection = idle.poll()) {
      close(connection);
    }
  }

  private static void close(HttpConnection connection) {
    try {
      connection.close();
    } catch (IOException e) {
      LOG.log(System.Logger.Level.DEBUG, "a connection did not close", e);
    }
  }
}
