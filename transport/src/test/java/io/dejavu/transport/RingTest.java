package io.dejavu.transport;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// A ring whose other side writes what it likes, and one that is as small as may be.
@Timeout(60)
final class RingTest {
  private static final long CAPACITY = 4096;

  private final Arena arena = Arena.ofShared();
  private final MemorySegment memory = arena.allocate(Ring.CONTROL + CAPACITY, 4096);
  private final ParkBell[] bells = ParkBell.pair();
  private final RingSender sender = new RingSender(new Ring(memory), bells[0], "peer");
  private final RingReceiver receiver =
      new RingReceiver(
          new Ring(memory),
          bells[1],
          "peer",
          1 << 20,
          Duration.ofMillis(50),
          arena.allocate(Connection.MOST_HEAD));

  @AfterEach
  void close() {
    arena.close();
  }

  @Test
  void framesFitWhateverTheirSizesAre() throws Exception {
    long seed = System.nanoTime();
    var random = new Random(seed);
    MemorySegment from = arena.allocate(CAPACITY);
    MemorySegment to = arena.allocate(CAPACITY);
    for (int i = 0; i < 20_000; i++) {
      int head = random.nextInt(200);
      int body = random.nextInt(1500);
      from.asSlice(0, body).fill((byte) i);

      sender.send(from.asSlice(0, head), List.of(from.asSlice(0, body)), body, soon());

      assertThat(receiver.receive(soon()).byteSize()).isEqualTo(head);
      assertThat(receiver.bodyLeft()).isEqualTo(body);
      int read = random.nextBoolean() ? body : body / 3;
      receiver.read(to.asSlice(0, read), soon());
      assertThat(to.asSlice(0, read).mismatch(from.asSlice(0, read)))
          .as("seed %d, frame %d", seed, i)
          .isEqualTo(-1);
    }
  }

  /// Bodies that are larger than the ring, taken out in bites that go around the caches.
  @Test
  void largeBodiesGoThroughALargeRing() throws Exception {
    long seed = System.nanoTime();
    var random = new Random(seed);
    MemorySegment from = arena.allocate(20 << 20);
    MemorySegment to = arena.allocate(20 << 20);
    for (long i = 0; i < from.byteSize(); i += 8) {
      from.set(ValueLayout.JAVA_LONG, i, i * 0x9E3779B97F4A7C15L);
    }
    int[] bodies = random.ints(12, 1, 20 << 20).toArray();
    int[] firsts = IntStream.of(bodies).map(random::nextInt).toArray();
    var pair = InProcess.pair(Identity.of("left"), Identity.of("right"), 8 << 20);
    try (var left = pair.left();
        var right = pair.right()) {
      var sent =
          CompletableFuture.runAsync(
              () -> {
                for (int body : bodies) {
                  send(left, from.asSlice(0, body));
                }
              });
      for (int i = 0; i < bodies.length; i++) {
        var frame = Objects.requireNonNull(right.receive(soon()));
        frame.read(
            List.of(to.asSlice(0, firsts[i]), to.asSlice(firsts[i], bodies[i] - firsts[i])),
            soon());
        assertThat(to.asSlice(0, bodies[i]).mismatch(from.asSlice(0, bodies[i])))
            .as("seed %d, body %d of %d bytes", seed, i, bodies[i])
            .isEqualTo(-1);
        to.fill((byte) 0);
      }
      sent.get(10, TimeUnit.SECONDS);
    }
  }

  private static void send(Connection connection, MemorySegment body) {
    try {
      connection.send(MemorySegment.NULL, List.of(body), soon());
    } catch (ConnectionLost e) {
      throw new UncheckedIOException(e);
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {-1, CAPACITY + 1, Long.MIN_VALUE, Long.MAX_VALUE})
  void aSenderThatClaimsToHavePutInTheImpossibleIsNotBelieved(long count) {
    memory.set(ValueLayout.JAVA_LONG, 0, count);

    assertThatExceptionOfType(ConnectionLost.class)
        .isThrownBy(() -> receiver.receive(soon()))
        .withMessageContaining("says that it put in");
  }

  @ParameterizedTest
  @ValueSource(longs = {CAPACITY, Long.MAX_VALUE, Long.MIN_VALUE})
  void aReceiverThatClaimsToHaveTakenTheImpossibleIsNotBelieved(long count) {
    memory.set(ValueLayout.JAVA_LONG, 128, count);
    MemorySegment body = arena.allocate(2 * CAPACITY);

    assertThatExceptionOfType(ConnectionLost.class)
        .isThrownBy(() -> sender.send(MemorySegment.NULL, List.of(body), body.byteSize(), soon()))
        .withMessageContaining("says that it took");
  }

  @Test
  void noiseIsNoFrame() {
    memory.asSlice(Ring.CONTROL).fill((byte) 0x5a);
    memory.set(ValueLayout.JAVA_LONG, 0, 64);

    assertThatExceptionOfType(ConnectionLost.class)
        .isThrownBy(() -> receiver.receive(soon()))
        .withMessageContaining("sent no frame");
  }

  @Test
  void aHeadThatIsTooLargeIsRefused() {
    new FrameHeader(Connection.MOST_HEAD + 1, 0).write(memory, Ring.CONTROL);
    memory.set(ValueLayout.JAVA_LONG, 0, 64);

    assertThatExceptionOfType(ConnectionLost.class)
        .isThrownBy(() -> receiver.receive(soon()))
        .withMessageContaining("a head of 32769");
  }

  @Test
  void aHeadThatStopsCostsPatience() {
    new FrameHeader(1000, 0).write(memory, Ring.CONTROL);
    memory.set(ValueLayout.JAVA_LONG, 0, 64);

    assertThatExceptionOfType(ConnectionLost.class)
        .isThrownBy(() -> receiver.receive(soon()))
        .withMessageContaining("stopped in the middle of a frame");
  }

  @Test
  void aRingIsAPowerOfTwo() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Ring(arena.allocate(Ring.CONTROL + 5000)));
    assertThatIllegalArgumentException().isThrownBy(() -> new Ring(arena.allocate(8192 - 64)));
  }

  private static Deadline soon() {
    return Deadline.in(Duration.ofSeconds(10));
  }
}
