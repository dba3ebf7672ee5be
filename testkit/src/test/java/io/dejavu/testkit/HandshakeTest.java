package io.dejavu.testkit;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIOException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.dejavu.transport.Address;
import io.dejavu.transport.Connection;
import io.dejavu.transport.ConnectionRefused;
import io.dejavu.transport.Deadline;
import io.dejavu.transport.Identity;
import io.dejavu.transport.Listener;
import io.dejavu.transport.SharedSecret;
import io.dejavu.transport.Transport;
import io.dejavu.transport.TransportConfig;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Whom a listener lets in and a caller talks to, and what both sides hear when not.
@Timeout(60)
final class HandshakeTest {
  private static final SharedSecret SECRET = SharedSecret.of("0123456789abcdef");
  private static final SharedSecret OTHER_SECRET = SharedSecret.of("0123456789abcdeg");

  @TempDir Path folder;
  private final List<AutoCloseable> opened = new ArrayList<>();

  @AfterEach
  void closeAll() throws Exception {
    for (AutoCloseable each : opened.reversed()) {
      each.close();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"tcp", "unix", "shm", "inprocess"})
  void whoDoesNotKnowTheSecretIsTurnedAwayAndBothHearWhy(String medium) throws IOException {
    Listener listener = listen(medium, TransportConfig.DEFAULT);
    var stranger = new Transport(Identity.of("stranger"), OTHER_SECRET, TransportConfig.DEFAULT);

    assertThatExceptionOfType(ConnectionRefused.class)
        .isThrownBy(() -> stranger.connect(listener.address(), soon()))
        .withMessageContaining("stranger")
        .withMessageContaining("does not know the shared secret");
    await(() -> listener.refused() == 1);
    assertThat(listener.lastRefusal()).contains("stranger", "does not know the shared secret");
    assertThat(listener.accept(Deadline.in(Duration.ZERO))).isNull();
    assertThat(connect(listener).peer()).isEqualTo("listener");
  }

  @Test
  void aListenerThatDoesNotKnowTheSecretIsNotTalkedTo() throws Exception {
    // It lets everybody in, and only repeats what it hears.
    try (var server = ServerSocketChannel.open()) {
      server.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
      int port = ((InetSocketAddress) server.getLocalAddress()).getPort();
      Thread.ofPlatform()
          .daemon()
          .start(
              () -> {
                try (var channel = server.accept()) {
                  byte[] hello = message(channel);
                  channel.write(ByteBuffer.wrap(withTurn(hello, 2)));
                  byte[] proof = message(channel);
                  channel.write(ByteBuffer.wrap(withTurn(proof, 4)));
                  message(channel);
                } catch (IOException _) {
                  // The other side has gone, as it should.
                }
              });

      assertThatExceptionOfType(ConnectionRefused.class)
          .isThrownBy(() -> transport("me").connect(new Address.Tcp("127.0.0.1", port), soon()))
          .withMessageContaining("does not know the shared secret");
    }
  }

  @Test
  void anotherVersionIsRefusedAndBothHearWhy() throws IOException {
    Listener listener = listen("tcp", TransportConfig.DEFAULT);
    try (SocketChannel channel = raw(listener)) {
      channel.write(ByteBuffer.wrap(new byte[] {'D', 'J', 'V', 'H', 7, 1, 0, 3, 1, 2, 3}));

      byte[] answer = message(channel);

      assertThat(answer[5]).isEqualTo((byte) 9);
      assertThat(new String(answer, 8, answer.length - 8, ISO_8859_1)).contains("version 7");
    }
    await(() -> listener.refused() == 1);
    assertThat(listener.lastRefusal()).contains("version 7", "version 1");
  }

  @ParameterizedTest
  @ValueSource(strings = {"tcp", "unix", "shm"})
  void whoSpeaksSomethingElseIsCutOff(String medium) throws IOException {
    Listener listener = listen(medium, TransportConfig.DEFAULT);
    try (SocketChannel channel = raw(listener)) {
      channel.write(ByteBuffer.wrap("GET / HTTP/1.1\r\n\r\n".getBytes(ISO_8859_1)));

      assertThatIsCutOff(channel);
    }
    await(() -> listener.refused() == 1);
    assertThat(listener.lastRefusal()).contains("does not speak this protocol");
  }

  @Test
  void aHelloWithoutSenseIsCutOff() throws IOException {
    Listener listener = listen("tcp", TransportConfig.DEFAULT);
    try (SocketChannel channel = raw(listener)) {
      channel.write(ByteBuffer.wrap(new byte[] {'D', 'J', 'V', 'H', 1, 1, 0, 3, 1, 2, 3}));

      assertThatIsCutOff(channel);
    }
    await(() -> listener.refused() == 1);
    assertThat(listener.lastRefusal()).contains("does not say who it is");
  }

  @Test
  void aProofThatWasHeardBeforeIsWorthNothing() throws IOException {
    Listener listener = listen("tcp", TransportConfig.DEFAULT);
    byte[] hello;
    byte[] proof;
    try (var server = ServerSocketChannel.open()) {
      server.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
      int port = ((InetSocketAddress) server.getLocalAddress()).getPort();
      Thread.ofPlatform()
          .daemon()
          .start(
              () -> {
                try {
                  transport("victim").connect(new Address.Tcp("127.0.0.1", port), soon());
                } catch (IOException _) {
                  // Nobody answers its proof.
                }
              });
      try (var victim = server.accept();
          var channel = raw(listener)) {
        hello = message(victim);
        channel.write(ByteBuffer.wrap(hello));
        victim.write(ByteBuffer.wrap(message(channel)));
        proof = message(victim);
      }
    }

    await(() -> listener.refused() == 1);
    try (SocketChannel channel = raw(listener)) {
      channel.write(ByteBuffer.wrap(hello));
      message(channel);
      channel.write(ByteBuffer.wrap(proof));
      assertThat(message(channel)[5]).isEqualTo((byte) 9);
    }
    await(() -> listener.lastRefusal().contains("does not know the shared secret"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"tcp", "unix", "shm"})
  void whoSaysNothingCostsNobodyElseAnything(String medium) throws IOException {
    Duration longest = Duration.ofMillis(500);
    Listener listener = listen(medium, TransportConfig.DEFAULT.withHandshake(longest));
    List<SocketChannel> silent = new ArrayList<>();
    for (int i = 0; i < 100; i++) { // more than may be in a handshake at once
      silent.add(raw(listener));
    }
    SocketChannel slow = raw(listener);
    slow.write(ByteBuffer.wrap(new byte[] {'D', 'J'}));

    assertThat(connect(listener).peer()).isEqualTo("listener");

    for (SocketChannel channel : silent) {
      assertThatIsCutOff(channel);
      channel.close();
    }
    assertThatIsCutOff(slow);
    slow.close();
    await(() -> listener.refused() == 101);
  }

  @Test
  void aListenerThatSaysNothingCostsTheCallerItsDeadline() throws IOException {
    try (var server = ServerSocketChannel.open()) {
      server.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
      int port = ((InetSocketAddress) server.getLocalAddress()).getPort();

      assertThatIOException()
          .isThrownBy(
              () ->
                  transport("me")
                      .connect(
                          new Address.Tcp("127.0.0.1", port), Deadline.in(Duration.ofMillis(100))))
          .withMessageContaining("did not finish the handshake in time");
    }
  }

  @Test
  void whereNobodyListensTheReasonSaysSo() {
    for (String where : List.of("inprocess:nobody", "unix:" + folder.resolve("nobody"))) {
      assertThatIOException()
          .isThrownBy(() -> transport("me").connect(Address.parse(where), soon()))
          .withMessageContaining(where);
    }
  }

  @Test
  void oneMediumIsNotTakenForAnother() throws IOException {
    Listener listener = listen("shm", TransportConfig.DEFAULT);
    Path path = ((Address.SharedMemory) listener.address()).path();

    assertThatExceptionOfType(ConnectionRefused.class)
        .isThrownBy(() -> transport("me").connect(new Address.Unix(path), soon()))
        .withMessageContaining("another medium");
  }

  @Test
  void otherMachinesGetInOnlyIfThatIsAllowed() throws IOException {
    var everywhere = new Address.Tcp("0.0.0.0", 0);

    assertThatIOException()
        .isThrownBy(() -> transport("me").listen(everywhere))
        .withMessageContaining("was not allowed");
    new Transport(Identity.of("me"), SECRET, TransportConfig.DEFAULT.withBeyondLoopback(true))
        .listen(everywhere)
        .close();
  }

  @ParameterizedTest
  @ValueSource(strings = {"unix", "shm"})
  void aSocketThatAKilledProcessLeftIsReplacedAndALiveOneIsNot(String medium) throws IOException {
    Path path = folder.resolve("socket");
    try (var abandoned = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      abandoned.bind(UnixDomainSocketAddress.of(path));
    }
    assertThat(path).exists();

    Listener listener = listen(medium, TransportConfig.DEFAULT);

    assertThat(connect(listener).peer()).isEqualTo("listener");
    assertThatThrownBy(() -> listen(medium, TransportConfig.DEFAULT))
        .isInstanceOf(IOException.class)
        .hasMessageContaining(path.toString());
    listener.close();
    assertThat(path).doesNotExist();
  }

  /// One process takes the other's place, and listens before that is quite gone.
  @Test
  void whoClosesDeletesNoSocketButItsOwn() throws IOException {
    Path path = folder.resolve("socket");
    Listener old = listen("unix", TransportConfig.DEFAULT);
    Files.delete(path);
    Listener listener = listen("unix", TransportConfig.DEFAULT);

    old.close();

    connect(listener).close();
    listener.close();
    assertThat(path).doesNotExist();
  }

  @Test
  void whatIsClosedLeavesNothingBehind() throws IOException {
    Listener listener = listen("shm", TransportConfig.DEFAULT);
    connect(listener).close(); // so that all classes and files that stay are there
    long files = openFiles();
    for (int i = 0; i < 20; i++) {
      Connection mine = transport("me").connect(listener.address(), soon());
      Connection theirs = accept(listener);
      try (var arena = Arena.ofConfined()) {
        mine.send(MemorySegment.NULL, List.of(arena.allocate(100)), soon());
      }
      assertThat(theirs.receive(soon())).isNotNull();
      mine.close();
      theirs.close();
    }

    assertThat(openFiles()).isLessThanOrEqualTo(files + 5); // a JVM opens some of its own
    try (var maps = Files.lines(Path.of("/proc/self/maps"))) {
      // The first connection, which the listener's side has not closed.
      assertThat(maps.filter(map -> map.contains("dejavu-ring-")).count()).isLessThanOrEqualTo(1);
    }
  }

  private static long openFiles() throws IOException {
    try (var files = Files.list(Path.of("/proc/self/fd"))) {
      return files.count();
    }
  }

  private Listener listen(String medium, TransportConfig config) throws IOException {
    Address address =
        switch (medium) {
          case "tcp" -> new Address.Tcp("127.0.0.1", 0);
          case "unix" -> new Address.Unix(folder.resolve("socket"));
          case "shm" -> new Address.SharedMemory(folder.resolve("socket"));
          case "inprocess" -> new Address.SameProcess(folder.toString());
          default -> throw new IllegalArgumentException(medium);
        };
    Listener listener = new Transport(Identity.of("listener"), SECRET, config).listen(address);
    opened.add(listener);
    return listener;
  }

  private static Transport transport(String name) {
    return new Transport(Identity.of(name), SECRET, TransportConfig.DEFAULT);
  }

  private Connection connect(Listener listener) throws IOException {
    Connection connection = transport("me").connect(listener.address(), soon());
    opened.add(connection);
    opened.add(accept(listener));
    return connection;
  }

  private static Connection accept(Listener listener) throws IOException {
    Connection accepted = listener.accept(soon());
    assertThat(accepted).isNotNull();
    return accepted;
  }

  private static SocketChannel raw(Listener listener) throws IOException {
    return switch (listener.address()) {
      case Address.Tcp tcp -> SocketChannel.open(new InetSocketAddress(tcp.host(), tcp.port()));
      case Address.Unix unix -> SocketChannel.open(UnixDomainSocketAddress.of(unix.path()));
      case Address.SharedMemory shared ->
          SocketChannel.open(UnixDomainSocketAddress.of(shared.path()));
      case Address.SameProcess same -> throw new IllegalArgumentException(same.toString());
    };
  }

  /// One message of the handshake.
  private static byte[] message(SocketChannel channel) throws IOException {
    var in = Channels.newInputStream(channel);
    byte[] prefix = in.readNBytes(8);
    if (prefix.length < 8) {
      throw new IOException("ended");
    }
    byte[] rest = in.readNBytes((prefix[6] & 0xff) << 8 | prefix[7] & 0xff);
    return ByteBuffer.allocate(8 + rest.length).put(prefix).put(rest).array();
  }

  private static byte[] withTurn(byte[] message, int turn) {
    byte[] changed = message.clone();
    changed[5] = (byte) turn;
    return changed;
  }

  private static void assertThatIsCutOff(SocketChannel channel) {
    ByteBuffer buffer = ByteBuffer.allocate(100);
    try {
      while (channel.read(buffer.clear()) >= 0) {
        // an answer, perhaps
      }
    } catch (IOException e) {
      assertThat(e).hasMessageContaining("reset");
    }
  }

  private static void await(BooleanSupplier condition) {
    for (Deadline deadline = soon(); !condition.getAsBoolean(); Thread.onSpinWait()) {
      assertThat(deadline.hasPassed()).isFalse();
    }
  }

  private static Deadline soon() {
    return Deadline.in(Duration.ofSeconds(20));
  }
}
