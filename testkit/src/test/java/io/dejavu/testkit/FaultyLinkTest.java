package io.dejavu.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.dejavu.testkit.FaultyLink.Fault;
import io.dejavu.testkit.FaultyLink.Way;
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
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// What connections make of links with faults: at worst they are lost, within their deadlines.
@Timeout(60)
final class FaultyLinkTest {
  private static final SharedSecret SECRET = SharedSecret.of("not a secret at all");
  private static final int BODY = 1 << 20;

  private final Arena arena = Arena.ofShared();
  private final MemorySegment head = arena.allocate(100);
  private final MemorySegment body = arena.allocate(BODY).fill((byte) 7);
  private final MemorySegment target = arena.allocate(BODY);
  private final Transport transport =
      new Transport(
          Identity.of("me"), SECRET, TransportConfig.DEFAULT.withPatience(Duration.ofMillis(200)));
  private Listener listener;
  private FaultyLink link;
  private Connection sending;
  private Connection receiving;

  @BeforeEach
  void connect() throws IOException {
    listener = transport.listen(new Address.Tcp("127.0.0.1", 0));
    link = FaultyLink.before((Address.Tcp) listener.address());
    sending = transport.connect(link.address(), soon());
    receiving = listener.accept(soon());
  }

  @AfterEach
  void close() throws IOException {
    sending.close();
    receiving.close();
    link.close();
    listener.close();
    arena.close();
  }

  @Test
  void withoutFaultsFramesArrive() throws IOException {
    sendInBackground();

    readWhole();

    assertThat(target.mismatch(body)).isEqualTo(-1);
    assertThat(link.connections()).isEqualTo(1);
  }

  @Test
  void aDelayedFrameArrives() throws IOException {
    link.set(Way.TO_LISTENER, new Fault.Delay(Duration.ofMillis(5)));
    sendInBackground();

    readWhole();

    assertThat(target.mismatch(body)).isEqualTo(-1);
  }

  @Test
  void aLinkThatIsCutInTheMiddleOfAFrameIsLostOnBothSides() {
    link.set(Way.TO_LISTENER, new Fault.Cut(BODY / 2));
    sendInBackground();

    assertThatExceptionOfType(ConnectionLost.class).isThrownBy(this::readWhole);
    assertThatExceptionOfType(ConnectionLost.class).isThrownBy(() -> sending.receive(soon()));
  }

  @Test
  void aLinkThatStallsCostsTheReceiverItsDeadline() {
    link.set(Way.TO_LISTENER, new Fault.Stall(BODY / 2));
    sendInBackground();

    assertThatExceptionOfType(ConnectionLost.class)
        .isThrownBy(
            () -> {
              Connection.Incoming frame = receiving.receive(soon());
              frame.read(List.of(target), Deadline.in(Duration.ofMillis(200)));
            })
        .withMessageContaining("stopped in the middle of a frame");
  }

  @Test
  void aLinkThatStallsInAHeadCostsTheReceiverItsPatience() {
    link.set(Way.TO_LISTENER, new Fault.Stall(20));
    sendInBackground();

    assertThatExceptionOfType(ConnectionLost.class)
        .isThrownBy(() -> receiving.receive(soon()))
        .withMessageContaining("stopped in the middle of a frame");
  }

  @Test
  void aStalledLinkThatHealsGoesOn() throws IOException {
    link.set(Way.TO_LISTENER, new Fault.Stall(BODY / 2));
    sendInBackground();
    assertThat(receiving.receive(soon()).bodyLeft()).isEqualTo(BODY);

    link.heal();

    assertThat(receiving.receive(Deadline.in(Duration.ofMillis(100)))).isNull();
    sendInBackground();
    readWhole();
  }

  @Test
  void missingBytesAreNoticedAtTheNextFrame() throws IOException {
    link.set(Way.TO_LISTENER, new Fault.Drop(1000, 100));
    sendInBackground();
    Thread.ofPlatform().daemon().start(this::send);

    assertThatExceptionOfType(ConnectionLost.class)
        .isThrownBy(
            () -> {
              readWhole();
              receiving.receive(soon());
            })
        .withMessageContaining("me sent");
  }

  @Test
  void aFlippedBitInABodyGoesThroughForChecksumsToFind() throws IOException {
    link.set(Way.TO_LISTENER, new Fault.FlipBit(1000));
    sendInBackground();

    readWhole();

    assertThat(target.mismatch(body)).isBetween(0L, 1000L);
  }

  @Test
  void aFlippedBitInAHeaderCostsTheConnection() {
    link.set(Way.TO_LISTENER, new Fault.FlipBit(0));
    sendInBackground();

    assertThatExceptionOfType(ConnectionLost.class)
        .isThrownBy(() -> receiving.receive(soon()))
        .withMessageContaining("sent no frame");
  }

  @Test
  void whoSharesMemoryNoticesThatTheSocketBesideItWasCut(@TempDir Path folder) throws IOException {
    var address = new Address.SharedMemory(folder.resolve("socket"));
    try (var shared = transport.listen(address);
        var wire = FaultyLink.before(address, folder.resolve("wire"));
        var near = transport.connect(wire.address(), soon());
        var far = shared.accept(soon())) {
      wire.cutAll();

      assertThatExceptionOfType(ConnectionLost.class).isThrownBy(() -> near.receive(soon()));
      assertThatExceptionOfType(ConnectionLost.class).isThrownBy(() -> far.receive(soon()));
    }
  }

  private void sendInBackground() {
    Thread.ofPlatform().daemon().start(this::send);
  }

  private synchronized void send() {
    try {
      sending.send(head, List.of(body), soon());
    } catch (IOException _) {
      // The other side's reason is what is tested.
    }
  }

  private void readWhole() throws IOException {
    Connection.Incoming frame = receiving.receive(soon());
    frame.read(List.of(target), soon());
  }

  private static Deadline soon() {
    return Deadline.in(Duration.ofSeconds(10));
  }
}
