package io.dejavu.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.dejavu.transport.Address;
import io.dejavu.transport.Connection;
import io.dejavu.transport.ConnectionLost;
import io.dejavu.transport.Deadline;
import io.dejavu.transport.Identity;
import io.dejavu.transport.Listener;
import io.dejavu.transport.SharedSecret;
import io.dejavu.transport.Transport;
import io.dejavu.transport.TransportConfig;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// What every way between processes is held to. A medium's test extends this with one method.
@Timeout(120)
public abstract class ConnectionContract {
  protected static final SharedSecret SECRET = SharedSecret.of("not a secret at all");
  private static final int MIB = 1 << 20;

  @TempDir Path folder;
  private final Arena arena = Arena.ofShared();
  private final ExecutorService others = Executors.newCachedThreadPool();
  private final Identity one = Identity.of("one");
  private final Identity other = Identity.of("other");
  private Listener listener;
  private Connection left;
  private Connection right;

  /// Where to listen.
  ///
  /// @param folder for files
  protected abstract Address address(Path folder);

  /// How; small rings, so that bodies go around them many times.
  protected TransportConfig config() {
    return TransportConfig.DEFAULT.withRingBytes(64 << 10).withMostBody(64 * MIB);
  }

  /// Whether the peer can be another process.
  protected boolean crossesProcesses() {
    return true;
  }

  @BeforeEach
  final void connect() throws IOException {
    listener = new Transport(other, SECRET, config()).listen(address(folder));
    left = new Transport(one, SECRET, config()).connect(listener.address(), soon());
    right = accepted();
  }

  @AfterEach
  final void close() throws InterruptedException {
    left.close();
    right.close();
    listener.close();
    others.shutdownNow();
    assertThat(others.awaitTermination(30, TimeUnit.SECONDS)).isTrue();
    arena.close();
  }

  @Test
  void bothSidesKnowWhoTheOtherIs() {
    assertThat(left.peer()).isEqualTo("other");
    assertThat(left.peerIncarnation()).isEqualTo(other.incarnation());
    assertThat(right.peer()).isEqualTo("one");
    assertThat(right.peerIncarnation()).isEqualTo(one.incarnation());
  }

  @Test
  void framesOfAllSizesArriveInOrder() throws Exception {
    int[] sizes = {0, 1, 15, 16, 17, 63, 64, 65, 4095, 4096, 16 << 10, (16 << 10) + 1, 65_535, MIB};

    Future<?> sent =
        inBackground(
            () -> {
              for (int size : sizes) {
                left.send(bytes(size % 100, size), List.of(bytes(size, size + 1)), soon());
              }
              left.send(bytes(Connection.MOST_HEAD, 1), List.of(), soon());
              left.send(bytes(7, 2), List.of(bytes(64L * MIB, 3)), soon());
              return null;
            });

    for (int size : sizes) {
      Connection.Incoming frame = received(right);
      assertSame(frame.head(), bytes(size % 100, size));
      assertThat(frame.bodyLeft()).isEqualTo(size);
      assertSame(wholeBody(frame), bytes(size, size + 1));
      assertThat(frame.bodyLeft()).isZero();
    }
    assertSame(received(right).head(), bytes(Connection.MOST_HEAD, 1));
    assertSame(wholeBody(received(right)), bytes(64L * MIB, 3));
    sent.get();
  }

  @Test
  void bodiesAreGatheredAndScattered() throws Exception {
    long seed = System.nanoTime();
    var random = new Random(seed);
    for (int round = 0; round < 40; round++) {
      int size = random.nextInt(1 << random.nextInt(1, 19));
      MemorySegment body = bytes(size, round);
      List<MemorySegment> parts = cut(body, random);

      Future<?> sent =
          inBackground(
              () -> {
                left.send(bytes(8, 8), parts, soon());
                return null;
              });
      Connection.Incoming frame = received(right);
      MemorySegment target = arena.allocate(Math.max(1, size)).asSlice(0, size);
      List<MemorySegment> targets = cut(target, random);
      int half = targets.size() / 2;
      frame.read(targets.subList(0, half), soon());
      frame.read(targets.subList(half, targets.size()), soon());

      sent.get();
      assertThat(target.mismatch(body)).as("seed %d, round %d", seed, round).isEqualTo(-1);
    }
  }

  @Test
  void aBodyOfManyPartsArrives() throws Exception {
    List<MemorySegment> parts = new ArrayList<>();
    for (int i = 0; i < 5000; i++) {
      parts.add(bytes(16, i));
    }

    Future<?> sent =
        inBackground(
            () -> {
              left.send(bytes(0, 0), parts, soon());
              return null;
            });

    MemorySegment body = wholeBody(received(right));
    for (int i = 0; i < 5000; i++) {
      assertSame(body.asSlice(16L * i, 16), parts.get(i));
    }
    sent.get();
  }

  @Test
  void bothSidesSendAndReceiveAtTheSameTime() throws Exception {
    Future<?> there = inBackground(() -> sendMany(left, 1));
    Future<?> back = inBackground(() -> sendMany(right, 2));
    Future<?> arrivesThere = inBackground(() -> receiveMany(right, 1));
    receiveMany(left, 2);
    there.get();
    back.get();
    arrivesThere.get();
  }

  private Void sendMany(Connection connection, long seed) throws ConnectionLost {
    var random = new Random(seed);
    MemorySegment body = arena.allocate(200_000);
    MemorySegment head = arena.allocate(8);
    for (int i = 0; i < 3000; i++) {
      long size = random.nextInt(1 << random.nextInt(1, 17));
      head.set(ValueLayout.JAVA_LONG, 0, i);
      if (size > 0) {
        body.set(ValueLayout.JAVA_BYTE, 0, (byte) i);
        body.set(ValueLayout.JAVA_BYTE, size - 1, (byte) i);
      }
      connection.send(head, List.of(body.asSlice(0, size)), soon());
    }
    return null;
  }

  private Void receiveMany(Connection connection, long seed) throws ConnectionLost {
    var random = new Random(seed);
    MemorySegment body = arena.allocate(200_000);
    for (int i = 0; i < 3000; i++) {
      long size = random.nextInt(1 << random.nextInt(1, 17));
      Connection.Incoming frame = received(connection);
      assertThat(frame.head().get(ValueLayout.JAVA_LONG_UNALIGNED, 0)).isEqualTo(i);
      assertThat(frame.bodyLeft()).isEqualTo(size);
      // Every fifth is left where it is, every seventh half read.
      if (i % 7 == 0) {
        frame.read(List.of(body.asSlice(0, size / 2)), soon());
      } else if (i % 5 != 0 && size > 0) {
        frame.read(List.of(body.asSlice(0, size)), soon());
        assertThat(body.get(ValueLayout.JAVA_BYTE, 0)).isEqualTo((byte) i);
        assertThat(body.get(ValueLayout.JAVA_BYTE, size - 1)).isEqualTo((byte) i);
      }
    }
    return null;
  }

  @Test
  void aWaitThatFindsNothingLeavesTheConnectionAsItIs() throws Exception {
    assertThat(right.receive(Deadline.in(Duration.ZERO))).isNull();
    assertThat(right.receive(Deadline.in(Duration.ofMillis(20)))).isNull();

    left.send(bytes(3, 3), List.of(bytes(10, 4)), soon());

    assertSame(wholeBody(received(right)), bytes(10, 4));
  }

  @Test
  void whatIsLeftOfALongBodyIsSkipped() throws Exception {
    Future<?> sent =
        inBackground(
            () -> {
              left.send(bytes(1, 1), List.of(bytes(3L * MIB, 1)), soon());
              left.send(bytes(2, 2), List.of(bytes(5, 2)), soon());
              return null;
            });
    received(right).read(List.of(arena.allocate(1000)), soon());

    assertSame(wholeBody(received(right)), bytes(5, 2));
    sent.get();
  }

  @Test
  void aPeerThatDoesNotReadCostsTheSenderItsDeadline() {
    MemorySegment body = bytes(MIB, 1);

    assertThatExceptionOfType(ConnectionLost.class)
        .isThrownBy(
            () -> {
              for (int i = 0; i < 64; i++) {
                left.send(bytes(1, 1), List.of(body), Deadline.in(Duration.ofMillis(100)));
              }
            })
        .withMessageContaining("other")
        .withMessageContaining("in time");
    assertIsLost(left);
  }

  @Test
  void aBodyThatDoesNotComeCostsTheReceiverItsDeadline() throws Exception {
    var stopped = new Object[1];
    Future<?> sent =
        inBackground(
            () -> {
              // The sender stands still in the middle: nobody reads the rest.
              stopped[0] = sending(left, bytes(8L * MIB, 1));
              return null;
            });
    Connection.Incoming frame = received(right);
    frame.read(List.of(arena.allocate(1000)), soon());

    left.close();
    sent.get();

    assertThatExceptionOfType(ConnectionLost.class)
        .isThrownBy(() -> frame.read(List.of(arena.allocate(8L * MIB - 1000)), soon()))
        .withMessageContaining("one");
    assertThat(stopped[0]).asString().contains("closed");
    assertIsLost(right);
  }

  private static String sending(Connection connection, MemorySegment body) {
    try {
      connection.send(MemorySegment.NULL, List.of(body), soon());
      return "sent";
    } catch (ConnectionLost e) {
      return e.reason();
    }
  }

  @Test
  void whatWasSentBeforeTheEndStillArrives() throws Exception {
    left.send(bytes(4, 4), List.of(bytes(2000, 5)), soon());
    left.close();

    assertSame(wholeBody(received(right)), bytes(2000, 5));
    assertIsLost(right);
  }

  @Test
  void whatWasSentBeforeTheEndStillArrivesThoughTheOtherSideFindsThePeerGoneFirst()
      throws Exception {
    left.send(bytes(1, 1), List.of(bytes(100, 1)), soon()); // never read
    right.send(bytes(4, 4), List.of(bytes(2000, 5)), soon());
    right.close();

    assertThatExceptionOfType(ConnectionLost.class)
        .isThrownBy(
            () -> {
              while (true) {
                left.send(bytes(1, 1), List.of(bytes(100, 1)), soon());
                TimeUnit.MILLISECONDS.sleep(1);
              }
            })
        .withMessageContaining("other");

    assertSame(wholeBody(received(left)), bytes(2000, 5));
    assertIsLost(left);
  }

  @Test
  void closingWakesWhoWaitsOnEitherSide() throws Exception {
    Future<String> here = inBackground(() -> lossOf(left));
    Future<String> there = inBackground(() -> lossOf(right));
    TimeUnit.MILLISECONDS.sleep(50); // most likely both sleep by now; if not, it holds all the same

    left.close();

    assertThat(here.get()).contains("closed");
    assertThat(there.get()).contains("one");
    left.close();
  }

  @Test
  void interruptingWhoWaitsClosesTheConnection() throws Exception {
    var reason = new String[1];
    Thread waiting = Thread.ofPlatform().start(() -> reason[0] = lossOf(right));
    TimeUnit.MILLISECONDS.sleep(20);

    waiting.interrupt();
    waiting.join();

    assertThat(reason[0]).isNotEmpty();
    assertIsLost(left);
  }

  @Test
  void whatHasRoomIsSentWithoutWaiting() throws Exception {
    MemorySegment body = bytes(1000, 1);
    var past = new Deadline(System.nanoTime() - 1);
    int frames = 0;
    while (left.hasRoom(1000)) {
      left.send(bytes(32, frames), List.of(body), past);
      frames++;
    }
    for (int i = 0; i < frames; i++) {
      assertSame(received(right).head(), bytes(32, i));
    }
    assertThat(left.hasRoom(config().mostBody())).isFalse();
  }

  @Test
  void whatMayNotBeSentIsRefusedAndCostsNothing() throws Exception {
    MemorySegment head = bytes(Connection.MOST_HEAD + 1, 1);
    MemorySegment body = bytes(config().mostBody() + 1, 1);
    var heap = MemorySegment.ofArray(new byte[10]);

    assertThatIllegalArgumentException().isThrownBy(() -> left.send(head, List.of(), soon()));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> left.send(bytes(1, 1), List.of(body), soon()));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> left.send(bytes(1, 1), List.of(heap), soon()));
    left.send(MemorySegment.ofArray(new byte[] {5}), List.of(bytes(9, 9)), soon());

    Connection.Incoming frame = received(right);
    assertThat(frame.head().get(ValueLayout.JAVA_BYTE, 0)).isEqualTo((byte) 5);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> frame.read(List.of(arena.allocate(10)), soon()));
    assertSame(wholeBody(frame), bytes(9, 9));
  }

  @Test
  void aBodyLargerThanTheReceiverTakesCostsTheConnection() throws Exception {
    TransportConfig modest = config().withMostBody(1000);
    try (var picky = new Transport(one, SECRET, modest).connect(listener.address(), soon());
        var lavish = accepted()) {
      lavish.send(bytes(1, 1), List.of(bytes(1001, 1)), soon());

      assertThatExceptionOfType(ConnectionLost.class)
          .isThrownBy(() -> picky.receive(soon()))
          .withMessageContaining("1001");
    }
  }

  @Test
  void aPeerThatIsKilledIsNoticedWhateverOneWaitsFor() throws Exception {
    if (!crossesProcesses()) {
      return;
    }
    Process process = PeerProcess.start(listener.address(), PeerProcess.Mood.values());
    try (var silent = accepted(PeerProcess.Mood.SILENT);
        var deaf = accepted(PeerProcess.Mood.DEAF);
        var flooding = accepted(PeerProcess.Mood.FLOODING)) {
      Connection.Incoming frame = received(flooding);
      frame.read(List.of(arena.allocate(1000)), soon());
      Future<String> receiving = inBackground(() -> lossOf(silent));
      Future<String> sending =
          inBackground(
              () -> {
                String reason;
                do {
                  reason = sending(deaf, bytes(8L * MIB, 1));
                } while (reason.equals("sent"));
                return reason;
              });
      TimeUnit.MILLISECONDS.sleep(50);

      process.destroyForcibly();

      assertThat(receiving.get()).contains("silent").doesNotContain("time");
      assertThat(sending.get()).contains("deaf").doesNotContain("time");
      assertThatExceptionOfType(ConnectionLost.class)
          .isThrownBy(
              () -> {
                MemorySegment target = arena.allocate(frame.bodyLeft());
                frame.read(List.of(target), soon());
                while (true) {
                  received(flooding);
                }
              })
          .withMessageContaining("flooding");
    } finally {
      process.destroyForcibly();
    }
  }

  private Connection accepted(PeerProcess.Mood mood) throws IOException {
    Connection connection = accepted();
    assertThat(connection.peer()).isEqualTo(mood.peerName());
    return connection;
  }

  private Connection accepted() throws IOException {
    return Objects.requireNonNull(listener.accept(soon()), "nobody came in time");
  }

  private static Connection.Incoming received(Connection connection) throws ConnectionLost {
    return Objects.requireNonNull(connection.receive(soon()), "no frame came in time");
  }

  private MemorySegment wholeBody(Connection.Incoming frame) throws ConnectionLost {
    MemorySegment body = arena.allocate(Math.max(1, frame.bodyLeft())).asSlice(0, frame.bodyLeft());
    frame.read(List.of(body), soon());
    return body;
  }

  /// Receives until the connection is lost, and says why.
  private static String lossOf(Connection connection) {
    try {
      while (connection.receive(soon()) != null) {
        // whatever comes
      }
      return "nothing came in time";
    } catch (ConnectionLost e) {
      return e.reason();
    }
  }

  private static void assertIsLost(Connection connection) {
    assertThatExceptionOfType(ConnectionLost.class)
        .isThrownBy(
            () -> {
              while (connection.receive(soon()) != null) {
                // what was on the way
              }
            });
    assertThatExceptionOfType(ConnectionLost.class)
        .isThrownBy(() -> connection.send(MemorySegment.NULL, List.of(), soon()));
  }

  private <T> Future<T> inBackground(Callable<T> what) {
    return others.submit(what);
  }

  private static Deadline soon() {
    return Deadline.in(Duration.ofSeconds(30));
  }

  /// So many bytes that look random and are the same for the same seed.
  private MemorySegment bytes(long size, long seed) {
    MemorySegment bytes = arena.allocate(Math.max(8, (size + 7) & -8), 8);
    long state = seed * 0x9E3779B97F4A7C15L + 1;
    for (long at = 0; at < size; at += 8) {
      state ^= state << 13;
      state ^= state >>> 7;
      state ^= state << 17;
      bytes.set(ValueLayout.JAVA_LONG, at, state);
    }
    return bytes.asSlice(0, size);
  }

  private static List<MemorySegment> cut(MemorySegment whole, Random random) {
    List<MemorySegment> parts = new ArrayList<>();
    for (long at = 0; at < whole.byteSize(); ) {
      long size = Math.min(whole.byteSize() - at, random.nextInt(1 << random.nextInt(1, 16)));
      parts.add(whole.asSlice(at, size));
      at += size;
    }
    return parts;
  }

  private static void assertSame(MemorySegment actual, MemorySegment expected) {
    assertThat(actual.byteSize()).isEqualTo(expected.byteSize());
    assertThat(actual.mismatch(expected)).isEqualTo(-1);
  }
}
