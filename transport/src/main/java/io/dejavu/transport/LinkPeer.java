package io.dejavu.transport;

import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.TimeUnit;

/// The second process of {@link LinkBench}, seen from the first: it receives or answers what it is
/// told to, over a connection and over a plain socket.
final class LinkPeer implements AutoCloseable {
  static final String SOCKET = "socket";
  static final String PLAIN_SOCKET = "plain";

  /// Head of a frame that says what follows: the task, bytes of a piece, how many.
  static final long ORDER = 24;

  static final long SINK = 1;
  static final long ECHO = 2;
  static final long PLAIN_SINK = 3;
  static final long PLAIN_ECHO = 4;

  private final Process process;
  private final Connection connection;
  private final PlainSocket plain;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment order = arena.allocate(ORDER, 8);

  private LinkPeer(Process process, Connection connection, PlainSocket plain) {
    this.process = process;
    this.connection = connection;
    this.plain = plain;
  }

  /// @param folder an empty one
  static LinkPeer start(LinkBench.Link link, Path folder) throws IOException {
    String secret = UUID.randomUUID().toString();
    var transport =
        new Transport(Identity.of("bench"), SharedSecret.of(secret), TransportConfig.DEFAULT);
    Address address =
        switch (link) {
          case SHARED_MEMORY -> new Address.SharedMemory(folder.resolve(SOCKET));
          case UNIX -> new Address.Unix(folder.resolve(SOCKET));
          case TCP -> new Address.Tcp("127.0.0.1", 0);
        };
    Process process = null;
    try (var listener = transport.listen(address);
        var plainListener = listenPlainly(link, folder)) {
      process = startProcess(listener.address(), plainAddress(plainListener), secret);
      Connection connection = listener.accept(Deadline.in(Duration.ofSeconds(30)));
      if (connection == null) {
        throw new IOException("the second process does not come");
      }
      // It has come, so its plain socket comes at once.
      return new LinkPeer(process, connection, new PlainSocket(plainListener.accept()));
    } catch (IOException | RuntimeException e) {
      if (process != null) {
        process.destroyForcibly();
      }
      throw e;
    }
  }

  private static ServerSocketChannel listenPlainly(LinkBench.Link link, Path folder)
      throws IOException {
    boolean isTcp = link == LinkBench.Link.TCP;
    var server =
        isTcp ? ServerSocketChannel.open() : ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    SocketAddress address =
        isTcp
            ? new InetSocketAddress(InetAddress.getLoopbackAddress(), 0)
            : UnixDomainSocketAddress.of(folder.resolve(PLAIN_SOCKET));
    return server.bind(address);
  }

  private static String plainAddress(ServerSocketChannel server) throws IOException {
    return switch (server.getLocalAddress()) {
      case InetSocketAddress tcp -> Integer.toString(tcp.getPort());
      case SocketAddress unix -> unix.toString();
    };
  }

  private static Process startProcess(Address address, String plainAddress, String secret)
      throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-XX:+UseG1GC", "-Xmx64m"));
    String main = LinkPeerProcess.class.getName();
    String module = LinkPeer.class.getModule().getName();
    if (module == null) {
      command.addAll(List.of("-cp", System.getProperty("java.class.path"), main));
    } else {
      command.addAll(
          List.of("-p", System.getProperty("jdk.module.path"), "-m", module + "/" + main));
    }
    command.addAll(List.of(address.toString(), plainAddress));
    Process process =
        new ProcessBuilder(command)
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    try (OutputStream in = process.getOutputStream()) {
      in.write(secret.getBytes(StandardCharsets.UTF_8));
    }
    return process;
  }

  /// Sends bodies from all over the memory, and waits until the last has arrived.
  void send(MemorySegment source, long piece, int count) throws IOException {
    order(SINK, piece, count);
    long at = 0;
    for (int i = 0; i < count; i++) {
      connection.send(MemorySegment.NULL, List.of(source.asSlice(at, piece)), soon());
      at = at + 2 * piece > source.byteSize() ? 0 : at + piece;
    }
    awaitDone();
  }

  void sendPlainly(MemorySegment source, long piece, int count) throws IOException {
    order(PLAIN_SINK, piece, count);
    plain.write(source, piece, count);
    awaitDone();
  }

  /// @return how long each took, in nanoseconds, shortest first
  long[] roundTrips(MemorySegment message, MemorySegment answer, int count) throws IOException {
    order(ECHO, message.byteSize(), count);
    var times = new long[count];
    for (int i = 0; i < count; i++) {
      long start = System.nanoTime();
      connection.send(MemorySegment.NULL, List.of(message), soon());
      await().read(List.of(answer), soon());
      times[i] = System.nanoTime() - start;
    }
    Arrays.sort(times);
    return times;
  }

  long[] plainRoundTrips(MemorySegment message, MemorySegment answer, int count)
      throws IOException {
    order(PLAIN_ECHO, message.byteSize(), count);
    var times = new long[count];
    for (int i = 0; i < count; i++) {
      long start = System.nanoTime();
      plain.write(message, message.byteSize(), 1);
      plain.read(answer, answer.byteSize(), 1);
      times[i] = System.nanoTime() - start;
    }
    Arrays.sort(times);
    return times;
  }

  private void order(long task, long piece, long count) throws ConnectionLost {
    order.setAtIndex(ValueLayout.JAVA_LONG, 0, task);
    order.setAtIndex(ValueLayout.JAVA_LONG, 1, piece);
    order.setAtIndex(ValueLayout.JAVA_LONG, 2, count);
    connection.send(order, List.of(), soon());
  }

  private void awaitDone() throws ConnectionLost {
    await();
  }

  private Connection.Incoming await() throws ConnectionLost {
    Connection.Incoming frame = connection.receive(soon());
    if (frame == null) {
      throw new ConnectionLost("the second process does not answer");
    }
    return frame;
  }

  static Deadline soon() {
    return Deadline.in(Duration.ofSeconds(60));
  }

  /// The other process ends when its connection does.
  @Override
  public void close() throws IOException {
    connection.close();
    plain.close();
    arena.close();
    try {
      if (!process.waitFor(10, TimeUnit.SECONDS)) {
        process.destroyForcibly();
      }
    } catch (InterruptedException _) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }
}
