package io.dejavu.transport;

import io.dejavu.transport.Handshake.Medium;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;

/// This process's way to others: it listens at addresses and connects to them, and both sides prove
/// to each other that they know the same secret before the first frame. Any thread.
public final class Transport {
  private final Identity me;
  private final SharedSecret secret;
  private final TransportConfig config;

  /// @param me who this process says it is
  public Transport(Identity me, SharedSecret secret, TransportConfig config) {
    this.me = me;
    this.secret = secret;
    this.config = config;
  }

  public Identity me() {
    return me;
  }

  /// Begins to listen.
  ///
  /// @throws IOException if the address is taken, or others than this machine could reach it and
  ///   that was not allowed
  public Listener listen(Address address) throws IOException {
    return switch (address) {
      case Address.Tcp tcp -> SocketListener.open(tcp, me, secret, config);
      case Address.Unix unix -> SocketListener.open(unix, unix.path(), me, secret, config);
      case Address.SharedMemory shared -> {
        RingFile.deleteAbandoned();
        yield SocketListener.open(shared, shared.path(), me, secret, config);
      }
      case Address.SameProcess same -> InProcessListener.open(same, me, secret, config);
    };
  }

  /// Connects to who listens there.
  ///
  /// @throws ConnectionRefused if one side does not want the other
  /// @throws IOException if nobody listens, or the peer is lost or too slow
  public Connection connect(Address address, Deadline deadline) throws IOException {
    Deadline soon = deadline.or(Deadline.in(config.handshake()));
    return switch (address) {
      case Address.Tcp tcp -> {
        var socket = new InetSocketAddress(tcp.host(), tcp.port());
        if (socket.isUnresolved()) {
          throw new IOException("no such host: " + tcp.host());
        }
        yield stream(open(address, socket, soon), address, soon, config.tls());
      }
      case Address.Unix unix -> {
        var socket = UnixDomainSocketAddress.of(unix.path());
        yield stream(open(address, socket, soon), address, soon, null);
      }
      case Address.SharedMemory shared -> {
        var socket = UnixDomainSocketAddress.of(shared.path());
        yield rings(open(address, socket, soon), address, soon);
      }
      case Address.SameProcess same -> InProcessListener.connect(same, me, secret, config);
    };
  }

  private static SocketLink open(Address address, SocketAddress socket, Deadline deadline)
      throws IOException {
    boolean isUnix = socket instanceof UnixDomainSocketAddress;
    while (true) {
      SocketChannel channel =
          isUnix ? SocketChannel.open(StandardProtocolFamily.UNIX) : SocketChannel.open();
      try {
        connect(channel, socket, deadline);
        tune(channel, isUnix);
        return SocketLink.open(channel, address.toString());
      } catch (IOException e) {
        Closing.quietly(channel);
        String why = String.valueOf(e.getMessage());
        // A Unix-domain socket with many callers in front of it does not let one wait.
        if (!isUnix || !why.contains("temporarily unavailable") || deadline.hasPassed()) {
          throw new IOException("cannot connect to %s: %s".formatted(address, why), e);
        }
        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(1));
      } catch (RuntimeException e) {
        Closing.quietly(channel);
        throw e;
      }
    }
  }

  private static void connect(SocketChannel channel, SocketAddress socket, Deadline deadline)
      throws IOException {
    channel.configureBlocking(false);
    if (channel.connect(socket)) {
      return;
    }
    try (var connected = Selector.open()) {
      channel.register(connected, SelectionKey.OP_CONNECT);
      while (!channel.finishConnect()) {
        long nanos = deadline.nanosLeft();
        if (nanos <= 0) {
          throw new IOException("nobody answers in time");
        }
        connected.select(_ -> {}, TimeUnit.NANOSECONDS.toMillis(nanos) + 1);
        if (Thread.currentThread().isInterrupted()) {
          throw new IOException("interrupted");
        }
      }
    }
  }

  /// Small frames are not held back. The sizes of buffers are left to the system, which is faster
  /// than any that were tried.
  static void tune(SocketChannel channel, boolean isUnix) throws IOException {
    if (!isUnix) {
      channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
      channel.setOption(StandardSocketOptions.SO_KEEPALIVE, true);
    }
  }

  private Connection stream(
      SocketLink socket, Address address, Deadline deadline, @Nullable SSLContext tls)
      throws IOException {
    ByteLink link = socket;
    try {
      if (tls != null) {
        link = TlsLink.connect(socket, tls, address.toString(), deadline);
      }
      var handshake = handshake(Medium.STREAM, link, address, deadline);
      Identity peer = handshake.connect(_ -> {});
      return new StreamConnection(peer, link, config);
    } catch (IOException | RuntimeException e) {
      Closing.quietly(link);
      throw e;
    }
  }

  private Connection rings(SocketLink link, Address address, Deadline deadline) throws IOException {
    var mapped = new AtomicReference<@Nullable RingFile>();
    try {
      var handshake = handshake(Medium.RINGS, link, address, deadline);
      Identity peer =
          handshake.connect(
              description -> {
                try {
                  mapped.set(RingFile.open(description));
                } catch (IOException | RuntimeException e) {
                  throw new ConnectionRefused("cannot map the rings: " + e.getMessage());
                }
              });
      RingFile file = mapped.get();
      if (file == null) {
        throw new IllegalStateException("a handshake without rings");
      }
      var rings =
          new RingConnection.Rings(file.toListener(), file.fromListener(), file.arena()::close);
      return new RingConnection(peer, rings, new SocketBell(link.detach()), config);
    } catch (IOException | RuntimeException e) {
      link.close();
      RingFile file = mapped.get();
      if (file != null) {
        file.arena().close();
      }
      throw e;
    }
  }

  private Handshake handshake(Medium medium, ByteLink link, Address address, Deadline deadline) {
    return new Handshake(me, secret, medium, link, address.toString(), deadline);
  }
}
