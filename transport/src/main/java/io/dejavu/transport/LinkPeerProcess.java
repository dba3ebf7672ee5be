package io.dejavu.transport;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.List;

/// What runs in the second process of {@link LinkBench}.
final class LinkPeerProcess {
  private LinkPeerProcess() {}

  /// @param arguments the address to connect to; the port or path of the plain socket. The secret
  ///   is on standard input
  public static void main(String... arguments) throws IOException {
    String secret = new String(System.in.readAllBytes(), StandardCharsets.UTF_8);
    var transport =
        new Transport(Identity.of("bench-peer"), SharedSecret.of(secret), TransportConfig.DEFAULT);
    try (var arena = Arena.ofShared();
        var plain = new PlainSocket(connectPlainly(arguments[1]));
        var connection = transport.connect(Address.parse(arguments[0]), LinkPeer.soon())) {
      MemorySegment target = arena.allocate(LinkBench.MEMORY, 4096).fill((byte) 3);
      while (true) {
        obey(connection, plain, target);
      }
    } catch (ConnectionLost _) {
      // The first process has all that it wanted.
    }
  }

  private static SocketChannel connectPlainly(String where) throws IOException {
    return where.startsWith("/")
        ? SocketChannel.open(UnixDomainSocketAddress.of(where))
        : SocketChannel.open(
            new InetSocketAddress(InetAddress.getLoopbackAddress(), Integer.parseInt(where)));
  }

  private static void obey(Connection connection, PlainSocket plain, MemorySegment target)
      throws IOException {
    MemorySegment order = await(connection).head();
    long task = order.get(ValueLayout.JAVA_LONG_UNALIGNED, 0);
    long piece = order.get(ValueLayout.JAVA_LONG_UNALIGNED, 8);
    int count = (int) order.get(ValueLayout.JAVA_LONG_UNALIGNED, 16);
    if (task == LinkPeer.SINK) {
      long at = 0;
      for (int i = 0; i < count; i++) {
        await(connection).read(List.of(target.asSlice(at, piece)), LinkPeer.soon());
        at = at + 2 * piece > target.byteSize() ? 0 : at + piece;
      }
      connection.send(MemorySegment.NULL, List.of(), LinkPeer.soon());
    } else if (task == LinkPeer.ECHO) {
      MemorySegment message = target.asSlice(0, piece);
      for (int i = 0; i < count; i++) {
        await(connection).read(List.of(message), LinkPeer.soon());
        connection.send(MemorySegment.NULL, List.of(message), LinkPeer.soon());
      }
    } else if (task == LinkPeer.PLAIN_SINK) {
      plain.read(target, piece, count);
      connection.send(MemorySegment.NULL, List.of(), LinkPeer.soon());
    } else if (task == LinkPeer.PLAIN_ECHO) {
      for (int i = 0; i < count; i++) {
        plain.read(target, piece, 1);
        plain.write(target, piece, 1);
      }
    } else {
      throw new IOException("unknown task " + task);
    }
  }

  private static Connection.Incoming await(Connection connection) throws ConnectionLost {
    Connection.Incoming frame = connection.receive(LinkPeer.soon());
    if (frame == null) {
      throw new ConnectionLost("nothing comes any more");
    }
    return frame;
  }
}
