package io.dejavu.transport;

import io.dejavu.transport.Handshake.Medium;
import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.net.BindException;
import java.net.ConnectException;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/// Listens at a socket. One thread, `transport-accept`, takes what comes; each handshake has a
/// thread of its own, `transport-handshake`, so that a slow one holds up nobody else.
final class SocketListener implements Listener {
  /// Handshakes at the same time. If there are more, the oldest is cut off: it had most time.
  private static final int MOST_HANDSHAKES = 64;

  /// Those that wait until `transport-accept` gets to them.
  private static final int BACKLOG = 512;

  private static final Logger LOG = System.getLogger(SocketListener.class.getName());

  private final ServerSocketChannel server;
  private final Address address;
  private final @Nullable Path file;

  /// What tells its file from another of the same name; null if nothing does.
  private final @Nullable Object key;

  private final Identity me;
  private final SharedSecret secret;
  private final TransportConfig config;
  private final WaitingRoom room;
  private final Deque<SocketChannel> meeting = new ArrayDeque<>();

  private SocketListener(
      ServerSocketChannel server,
      Address address,
      @Nullable Path file,
      @Nullable Object key,
      Identity me,
      SharedSecret secret,
      TransportConfig config) {
    this.server = server;
    this.address = address;
    this.file = file;
    this.key = key;
    this.me = me;
    this.secret = secret;
    this.config = config;
    room = new WaitingRoom(address);
    Thread.ofPlatform().name("transport-accept").daemon().start(this::acceptAll);
  }

  static Listener open(
      Address.Tcp address, Identity me, SharedSecret secret, TransportConfig config)
      throws IOException {
    var socket = new InetSocketAddress(address.host(), address.port());
    if (socket.isUnresolved()) {
      throw new IOException("no such host: " + address.host());
    }
    if (!socket.getAddress().isLoopbackAddress() && !config.beyondLoopback()) {
      throw new IOException(
          "other machines could reach %s, which was not allowed".formatted(address));
    }
    var server = ServerSocketChannel.open();
    try {
      server.setOption(StandardSocketOptions.SO_REUSEADDR, true);
      server.bind(socket, BACKLOG);
      var bound = (InetSocketAddress) server.getLocalAddress();
      return new SocketListener(
          server, new Address.Tcp(address.host(), bound.getPort()), null, null, me, secret, config);
    } catch (IOException e) {
      Closing.quietly(server);
      throw new IOException("cannot listen at %s: %s".formatted(address, e.getMessage()), e);
    } catch (RuntimeException e) {
      Closing.quietly(server);
      throw e;
    }
  }

  static Listener open(
      Address address, Path path, Identity me, SharedSecret secret, TransportConfig config)
      throws IOException {
    var server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    try {
      var socket = UnixDomainSocketAddress.of(path);
      try {
        server.bind(socket, BACKLOG);
      } catch (BindException e) {
        deleteIfNobodyListens(path, e);
        server.bind(socket, BACKLOG);
      }
      Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rw-------"));
      return new SocketListener(server, address, path, key(path), me, secret, config);
    } catch (IOException e) {
      Closing.quietly(server);
      throw new IOException("cannot listen at %s: %s".formatted(address, e.getMessage()), e);
    } catch (RuntimeException e) {
      Closing.quietly(server);
      throw e;
    }
  }

  /// A socket's file stays behind when its process is killed.
  private static void deleteIfNobodyListens(Path path, BindException cause) throws IOException {
    if (Files.isRegularFile(path) || Files.isDirectory(path)) {
      throw cause;
    }
    try (var _ = SocketChannel.open(UnixDomainSocketAddress.of(path))) {
      throw cause;
    } catch (ConnectException _) {
      Files.deleteIfExists(path);
    }
  }

  private static @Nullable Object key(Path file) throws IOException {
    try {
      return Files.readAttributes(file, BasicFileAttributes.class).fileKey();
    } catch (NoSuchFileException _) {
      return null;
    }
  }

  private void acceptAll() {
    while (server.isOpen()) {
      try {
        beginMeeting(server.accept());
      } catch (IOException | OutOfMemoryError e) {
        // Neither a descriptor nor a thread is to be had, most likely: later, perhaps.
        if (server.isOpen()) {
          LOG.log(Level.WARNING, "cannot accept at " + address, e);
          pause();
        }
      }
    }
  }

  /// Trying again at once would only burn the core.
  private static void pause() {
    try {
      TimeUnit.MILLISECONDS.sleep(50);
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
  }

  private void beginMeeting(SocketChannel channel) {
    makeRoom(channel);
    boolean isMet = false;
    try {
      Thread.ofPlatform().name("transport-handshake").daemon().start(() -> meet(channel));
      isMet = true;
    } finally {
      if (!isMet) {
        endMeeting(channel);
        Closing.quietly(channel);
      }
    }
  }

  private void makeRoom(SocketChannel channel) {
    SocketChannel oldest = null;
    synchronized (meeting) {
      if (meeting.size() == MOST_HANDSHAKES) {
        oldest = meeting.removeFirst();
      }
      meeting.addLast(channel);
    }
    if (oldest != null) {
      Closing.quietly(oldest);
    }
  }

  private void meet(SocketChannel channel) {
    try {
      Connection connection = shakeHands(channel);
      // From here on the channel is the connection's, and cut off by nobody else.
      if (endMeeting(channel)) {
        room.enter(connection);
      } else {
        connection.close();
      }
    } catch (IOException e) {
      room.noteRefusal(e.getMessage() == null ? e.toString() : e.getMessage());
    } catch (RuntimeException e) {
      room.noteRefusal(e.toString());
    } finally {
      endMeeting(channel);
    }
  }

  /// Ends the meeting, and says whether it has lasted until now.
  private boolean endMeeting(SocketChannel channel) {
    synchronized (meeting) {
      return meeting.remove(channel);
    }
  }

  private Connection shakeHands(SocketChannel channel) throws IOException {
    String where = file == null ? String.valueOf(channel.getRemoteAddress()) : "a local process";
    SocketLink socket;
    try {
      Transport.tune(channel, file != null);
      socket = SocketLink.open(channel, where);
    } catch (IOException | RuntimeException e) {
      Closing.quietly(channel);
      throw e;
    }
    Deadline deadline = Deadline.in(config.handshake());
    return address instanceof Address.SharedMemory
        ? rings(socket, where, deadline)
        : stream(socket, where, deadline);
  }

  private Connection stream(SocketLink socket, String where, Deadline deadline) throws IOException {
    ByteLink link = socket;
    try {
      if (config.tls() != null && file == null) {
        link = TlsLink.accept(socket, config.tls(), where, deadline);
      }
      var handshake = new Handshake(me, secret, Medium.STREAM, link, where, deadline);
      Identity peer = handshake.listen(this::admit);
      return new StreamConnection(peer, link, config);
    } catch (IOException | RuntimeException e) {
      Closing.quietly(link);
      throw e;
    }
  }

  private Connection rings(SocketLink link, String where, Deadline deadline) throws IOException {
    var offer = new RingOffer(config.ringBytes());
    try (offer) {
      var handshake = new Handshake(me, secret, Medium.RINGS, link, where, deadline);
      Identity peer =
          handshake.listen(
              who -> {
                room.admit(who);
                return offer.make();
              });
      var bell = new SocketBell(link.detach());
      return new RingConnection(peer, offer.take(), bell, config);
    } catch (IOException | RuntimeException e) {
      link.close();
      throw e;
    }
  }

  private byte[] admit(Identity peer) throws ConnectionRefused {
    room.admit(peer);
    return new byte[0];
  }

  @Override
  public Address address() {
    return address;
  }

  @Override
  public @Nullable Connection accept(Deadline deadline) throws IOException {
    return room.accept(deadline);
  }

  @Override
  public long refused() {
    return room.refused();
  }

  @Override
  public String lastRefusal() {
    return room.lastRefusal();
  }

  @Override
  public void close() {
    deleteFile();
    Closing.quietly(server);
    synchronized (meeting) {
      meeting.forEach(Closing::quietly);
      meeting.clear();
    }
    room.close();
  }

  /// Before it ends to listen: whoever listens at the same place next has made a file of its own.
  private void deleteFile() {
    try {
      if (file != null && key != null && key.equals(key(file))) {
        Files.deleteIfExists(file);
      }
    } catch (IOException e) {
      LOG.log(Level.WARNING, "cannot delete " + file, e);
    }
  }
}
