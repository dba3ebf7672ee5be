package io.dejavu.api;

import io.helidon.common.buffers.BufferData;
import io.helidon.common.buffers.DataReader;
import io.helidon.common.buffers.DataWriter;
import io.helidon.common.socket.HelidonSocket;
import io.helidon.common.socket.PeerInfo;
import io.helidon.webserver.ConnectionContext;
import io.helidon.webserver.ListenerContext;
import io.helidon.webserver.ProxyProtocolData;
import io.helidon.webserver.Router;
import io.helidon.webserver.ServerConnectionException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import org.jspecify.annotations.Nullable;

/// One client's connection, watched: says at once when the client has gone while its request is
/// computed, and has a deadline for everything that waits for the client.
///
/// While a request is computed, a virtual thread reads ahead. The end of the stream means that the
/// client left. Bytes mean a next request, and are handed on when the server asks for them. The
/// socket is read by one thread at a time.
final class ClientConnection implements ConnectionContext {
  private static final ScopedValue<ClientConnection> CURRENT = ScopedValue.newInstance();
  private static final long NEVER = Long.MAX_VALUE;

  private final ConnectionContext inner;
  private final HelidonSocket socket;
  private final ApiConfig config;
  private final @Nullable TlsLayer tls;
  private final DataReader reader;
  private final DataWriter writer;

  // Touched by the connection's thread only.
  private @Nullable CompletableFuture<byte @Nullable []> ahead;
  private boolean computing;
  private boolean betweenRequests = true;

  /// When, by the clock of `System.nanoTime` counted from `epoch`, the socket is to be closed.
  private volatile long deadline;

  private final long epoch = System.nanoTime();

  /// How long the client waits for us; null: it does not.
  private volatile @Nullable Patience patience;

  /// @param end by the clock of `deadline`
  private record Patience(long end, Runnable tooLong) {}

  ClientConnection(ConnectionContext inner, ApiConfig config) {
    this.inner = inner;
    this.socket = inner.serverSocket();
    this.config = config;
    var secure = config.tls();
    this.tls = secure == null ? null : new TlsLayer(socket, inner.dataWriter(), secure.engine());
    this.reader = DataReader.create(this::read);
    this.writer = new WatchedWriter(tls == null ? inner.dataWriter() : tls);
    expect(config.readDeadline()); // a new connection speaks first
  }

  /// The connection that the calling thread serves.
  static ClientConnection current() {
    return CURRENT.get();
  }

  static ScopedValue.Carrier scope(ClientConnection connection) {
    return ScopedValue.where(CURRENT, connection);
  }

  /// From now on the client waits for us; `gone` is called at most once, by another thread, if it
  /// leaves. A client that left while nobody watched is noticed too.
  ///
  /// @param nanos how long it waits at most
  /// @param tooLong called once, by another thread, if it had to wait for so long
  void computing(Runnable gone, long nanos, Runnable tooLong) {
    computing = true;
    deadline = NEVER;
    patience = new Patience(System.nanoTime() - epoch + nanos, tooLong);
    if (reader.available() > 0) {
      return; // the next request is here already; a dead client is noticed at the first write
    }
    var pending = new CompletableFuture<byte @Nullable []>();
    ahead = pending;
    Thread.ofVirtual()
        .name("client-watch")
        .start(
            () -> {
              try {
                byte[] bytes = receive();
                pending.complete(bytes);
                if (bytes == null) {
                  gone.run();
                }
              } catch (RuntimeException e) { // whatever it is, nobody reads this socket any more
                pending.completeExceptionally(e);
                gone.run();
              }
            });
  }

  /// The answer is complete.
  void answered() {
    computing = false;
    patience = null;
    betweenRequests = true;
    expect(config.idleDeadline());
  }

  /// Called by a sweeper: closes the socket if the client kept us waiting for too long. Threads
  /// that read or write it get an exception.
  boolean closeIfLate() {
    long now = System.nanoTime() - epoch;
    var waited = patience;
    if (waited != null && now > waited.end) {
      patience = null;
      waited.tooLong.run();
    }
    if (now <= deadline) {
      return false;
    }
    socket.close();
    return true;
  }

  /// Nothing more is sent.
  void end() {
    if (tls != null) {
      expect(config.writeDeadline());
      tls.end();
    }
  }

  private byte @Nullable [] receive() {
    return tls == null ? socket.get() : tls.get();
  }

  private void expect(Duration within) {
    deadline = System.nanoTime() - epoch + within.toNanos();
  }

  private byte @Nullable [] read() {
    byte[] bytes = readSocket();
    if (betweenRequests && !computing) {
      betweenRequests = false;
      expect(config.readDeadline());
    }
    return bytes;
  }

  private byte @Nullable [] readSocket() {
    var pending = ahead;
    ahead = null;
    try {
      return pending == null ? receive() : pending.get();
    } catch (UncheckedIOException | ExecutionException e) {
      throw new ServerConnectionException("the connection broke", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new ServerConnectionException("the server stops", e);
    }
  }

  /// Writes that may not wait longer than the write deadline.
  private final class WatchedWriter implements DataWriter {
    private final DataWriter to;

    WatchedWriter(DataWriter to) {
      this.to = to;
    }

    @Override
    public void write(BufferData... buffers) {
      within(() -> to.write(buffers));
    }

    @Override
    public void write(BufferData buffer) {
      within(() -> to.write(buffer));
    }

    @Override
    public void writeNow(BufferData... buffers) {
      within(() -> to.writeNow(buffers));
    }

    @Override
    public void writeNow(BufferData buffer) {
      within(() -> to.writeNow(buffer));
    }

    @Override
    public void flush() {
      within(to::flush);
    }

    private void within(Runnable write) {
      expect(config.writeDeadline());
      try {
        write.run();
      } catch (UncheckedIOException e) {
        throw new ServerConnectionException("the connection broke", e);
      }
      if (computing) {
        deadline = NEVER;
      } else {
        betweenRequests = true;
        expect(config.idleDeadline());
      }
    }
  }

  @Override
  public DataReader dataReader() {
    return reader;
  }

  @Override
  public DataWriter dataWriter() {
    return writer;
  }

  @Override
  public ListenerContext listenerContext() {
    return inner.listenerContext();
  }

  @Override
  public ExecutorService executor() {
    return inner.executor();
  }

  @Override
  public Router router() {
    return inner.router();
  }

  @Override
  public Optional<ProxyProtocolData> proxyProtocolData() {
    return inner.proxyProtocolData();
  }

  @Override
  public HelidonSocket serverSocket() {
    return socket;
  }

  @Override
  public PeerInfo remotePeer() {
    return inner.remotePeer();
  }

  @Override
  public PeerInfo localPeer() {
    return inner.localPeer();
  }

  @Override
  public boolean isSecure() {
    return tls != null;
  }

  @Override
  public String socketId() {
    return inner.socketId();
  }

  @Override
  public String childSocketId() {
    return inner.childSocketId();
  }
}
