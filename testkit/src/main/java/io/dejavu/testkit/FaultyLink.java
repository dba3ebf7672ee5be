package io.dejavu.testkit;

import io.dejavu.transport.Address;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/// A proxy in front of a listener's socket, with the faults that links have. Connect to its {@link
/// #address} in place of the listener's; {@link #set} changes what goes wrong from then on.
public final class FaultyLink implements AutoCloseable {
  /// What goes wrong with the bytes of one direction, counted from when the fault was set.
  public sealed interface Fault {
    /// Nothing.
    record None() implements Fault {}

    /// The connection is cut off after so many bytes.
    record Cut(long after) implements Fault {}

    /// After so many bytes, one bit is another one.
    record FlipBit(long after) implements Fault {}

    /// After so many bytes, some are missing.
    record Drop(long after, long bytes) implements Fault {}

    /// After so many bytes, nothing is taken any more, and the connection stays open.
    record Stall(long after) implements Fault {}

    /// What comes is passed on this much later.
    record Delay(Duration by) implements Fault {}
  }

  /// Which direction.
  public enum Way {
    TO_LISTENER,
    FROM_LISTENER
  }

  private static final int CHUNK = 64 << 10;

  private final Address address;
  private final SocketAddress target;
  private final ServerSocketChannel server;
  private final Set<SocketChannel> open = ConcurrentHashMap.newKeySet();
  private final AtomicLong connections = new AtomicLong();
  private volatile Setting toListener = new Setting(new Fault.None());
  private volatile Setting fromListener = new Setting(new Fault.None());

  /// A fault and since when: another object each time that it is set.
  private static final class Setting {
    private final Fault fault;

    Setting(Fault fault) {
      this.fault = fault;
    }
  }

  private FaultyLink(Address address, SocketAddress target, ServerSocketChannel server) {
    this.address = address;
    this.target = target;
    this.server = server;
    Thread.ofPlatform().name("faulty-link").daemon().start(this::acceptAll);
  }

  /// A link without faults, as yet.
  ///
  /// @param target a TCP address of this machine
  public static FaultyLink before(Address.Tcp target) throws IOException {
    var server = ServerSocketChannel.open();
    server.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
    int port = ((InetSocketAddress) server.getLocalAddress()).getPort();
    return new FaultyLink(
        new Address.Tcp("127.0.0.1", port),
        new InetSocketAddress(target.host(), target.port()),
        server);
  }

  /// A link without faults, as yet.
  ///
  /// @param path of the socket to connect to instead
  public static FaultyLink before(Address.Unix target, Path path) throws IOException {
    return new FaultyLink(
        new Address.Unix(path), UnixDomainSocketAddress.of(target.path()), listen(path));
  }

  /// A link without faults, as yet. Rings go around it; what it can disturb is the meeting, waking,
  /// and whether the peer seems to be there.
  ///
  /// @param path of the socket to connect to instead
  public static FaultyLink before(Address.SharedMemory target, Path path) throws IOException {
    return new FaultyLink(
        new Address.SharedMemory(path), UnixDomainSocketAddress.of(target.path()), listen(path));
  }

  private static ServerSocketChannel listen(Path path) throws IOException {
    var server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    server.bind(UnixDomainSocketAddress.of(path));
    return server;
  }

  /// Where to connect to.
  public Address address() {
    return address;
  }

  /// From now on this goes wrong, on connections that exist and on new ones.
  public void set(Way way, Fault fault) {
    switch (way) {
      case TO_LISTENER -> toListener = new Setting(fault);
      case FROM_LISTENER -> fromListener = new Setting(fault);
    }
  }

  /// From now on nothing goes wrong. What was cut off stays so.
  public void heal() {
    set(Way.TO_LISTENER, new Fault.None());
    set(Way.FROM_LISTENER, new Fault.None());
  }

  /// Cuts all connections off at once.
  public void cutAll() {
    open.forEach(FaultyLink::closeQuietly);
  }

  /// Connections that were ever made through this link.
  public long connections() {
    return connections.get();
  }

  private void acceptAll() {
    while (server.isOpen()) {
      try {
        SocketChannel near = server.accept();
        SocketChannel far = SocketChannel.open(target);
        open.add(near);
        open.add(far);
        connections.incrementAndGet();
        pumpInBackground(near, far, Way.TO_LISTENER);
        pumpInBackground(far, near, Way.FROM_LISTENER);
      } catch (IOException _) {
        // Closed, or nobody listens behind: the next one may fare better.
        LockSupport.parkNanos(1_000_000);
      }
    }
  }

  private void pumpInBackground(SocketChannel from, SocketChannel to, Way way) {
    Thread.ofPlatform()
        .name("faulty-link-" + way)
        .daemon()
        .start(
            () -> {
              try {
                pump(from, to, way);
              } catch (IOException _) {
                // The other pump, one of the ends, or the test has closed it.
              } finally {
                closeQuietly(from);
                closeQuietly(to);
              }
            });
  }

  private Setting setting(Way way) {
    return switch (way) {
      case TO_LISTENER -> toListener;
      case FROM_LISTENER -> fromListener;
    };
  }

  private void pump(SocketChannel from, SocketChannel to, Way way) throws IOException {
    ByteBuffer chunk = ByteBuffer.allocateDirect(CHUNK);
    Setting setting = setting(way);
    long passed = 0;
    while (from.read(chunk.clear()) >= 0) {
      if (setting(way) != setting) {
        setting = setting(way);
        passed = 0;
      }
      chunk.flip();
      int bytes = chunk.remaining();
      switch (setting.fault) {
        case Fault.None _ -> write(to, chunk);
        case Fault.Delay(var by) -> {
          LockSupport.parkNanos(by.toNanos());
          write(to, chunk);
        }
        case Fault.Cut(var after) -> {
          if (passed + bytes >= after) {
            write(to, chunk.limit((int) Math.max(0, after - passed)));
            return;
          }
          write(to, chunk);
        }
        case Fault.FlipBit(var after) -> {
          if (after >= passed && after < passed + bytes) {
            int at = (int) (after - passed);
            chunk.put(at, (byte) (chunk.get(at) ^ 0x10));
          }
          write(to, chunk);
        }
        case Fault.Drop(var after, var missing) -> {
          int first = Math.clamp(after - passed, 0, bytes);
          int last = Math.clamp(after + missing - passed, first, bytes);
          write(to, chunk.slice(0, first));
          write(to, chunk.slice(last, bytes - last));
        }
        case Fault.Stall(var after) -> {
          if (passed + bytes >= after) {
            write(to, chunk.limit((int) Math.max(0, after - passed)));
            awaitHealing(from, way, setting);
            write(to, chunk.limit(bytes));
          } else {
            write(to, chunk);
          }
        }
      }
      passed += bytes;
    }
  }

  private void awaitHealing(SocketChannel channel, Way way, Setting setting) {
    while (setting(way) == setting && channel.isOpen() && server.isOpen()) {
      LockSupport.parkNanos(1_000_000);
    }
  }

  private static void write(SocketChannel to, ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) {
      to.write(bytes);
    }
  }

  private static void closeQuietly(SocketChannel channel) {
    try {
      channel.close();
    } catch (IOException _) {
      // It is of no use any more.
    }
  }

  @Override
  public void close() throws IOException {
    server.close();
    cutAll();
  }
}
