package io.dejavu.api;

import static java.lang.System.Logger.Level.DEBUG;

import io.helidon.common.buffers.BufferData;
import io.helidon.common.concurrency.limits.Limit;
import io.helidon.common.task.InterruptableTask;
import io.helidon.webserver.ConnectionContext;
import io.helidon.webserver.http1.Http1ConnectionSelector;
import io.helidon.webserver.spi.ServerConnection;
import io.helidon.webserver.spi.ServerConnectionSelector;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/// All open connections. Wraps Helidon's HTTP/1.1 connections in [ClientConnection]s and closes,
/// four times a second on thread `client-deadlines`, those whose client keeps us waiting for too
/// long.
final class ClientConnections implements ServerConnectionSelector, AutoCloseable {
  private static final System.Logger LOG = System.getLogger(ClientConnections.class.getName());

  private final ServerConnectionSelector http1;
  private final ApiConfig config;
  private final Set<ClientConnection> open = ConcurrentHashMap.newKeySet();
  private final CountDownLatch closed = new CountDownLatch(1);

  ClientConnections(Http1ConnectionSelector http1, ApiConfig config) {
    this.http1 = http1;
    this.config = config;
    Thread.ofPlatform().daemon().name("client-deadlines").start(this::sweep);
  }

  @Override
  public ServerConnection connection(ConnectionContext context) {
    var watched = new ClientConnection(context, config);
    var connection = http1.connection(watched);
    open.add(watched);
    return new Watched(watched, connection);
  }

  /// Helidon's connection, with its [ClientConnection] in scope for the handlers.
  private final class Watched implements ServerConnection, InterruptableTask<Void> {
    private final ClientConnection client;
    private final ServerConnection connection;

    Watched(ClientConnection client, ServerConnection connection) {
      this.client = client;
      this.connection = connection;
    }

    @Override
    public void handle(Limit limit) throws InterruptedException {
      try {
        ClientConnection.scope(client)
            .call(
                () -> {
                  connection.handle(limit);
                  return true;
                });
      } finally {
        client.end();
        open.remove(client);
      }
    }

    @Override
    public boolean canInterrupt() {
      return connection instanceof InterruptableTask<?> task && task.canInterrupt();
    }

    @Override
    public Duration idleTime() {
      return connection.idleTime();
    }

    @Override
    public void close(boolean interrupt) {
      connection.close(interrupt);
    }
  }

  private void sweep() {
    try {
      while (!closed.await(250, TimeUnit.MILLISECONDS)) {
        for (var connection : open) {
          closeIfLate(connection);
        }
      }
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
  }

  private void closeIfLate(ClientConnection connection) {
    try {
      if (connection.closeIfLate() && open.remove(connection)) {
        LOG.log(DEBUG, "client kept us waiting, closed " + connection.childSocketId());
      }
    } catch (UncheckedIOException e) {
      open.remove(connection); // broken already: who reads or writes it learns that without us
      LOG.log(DEBUG, "client gone from " + connection.childSocketId(), e);
    }
  }

  @Override
  public int bytesToIdentifyConnection() {
    return http1.bytesToIdentifyConnection();
  }

  @Override
  public Support supports(BufferData data) {
    return http1.supports(data);
  }

  @Override
  public Set<String> supportedApplicationProtocols() {
    return http1.supportedApplicationProtocols();
  }

  @Override
  public void close() {
    closed.countDown();
  }
}
