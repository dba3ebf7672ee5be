package io.dejavu.kv.stream;

import static org.assertj.core.api.Assertions.assertThat;

import io.dejavu.kv.HeadRange;
import io.dejavu.kv.KvLayout;
import io.dejavu.kv.KvMemory;
import io.dejavu.kv.LayerRange;
import io.dejavu.kv.TokenRange;
import io.dejavu.tensor.DType;
import io.dejavu.tensor.HostDevice;
import io.dejavu.transport.Connection;
import io.dejavu.transport.Deadline;
import io.dejavu.transport.Identity;
import io.dejavu.transport.InProcess;
import java.lang.foreign.Arena;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/// Which lane of a sender sends what, and when: the test answers for the peer on each of them.
class SenderLanesTest extends OpeningTest {
  private static final Deadline SOON = Deadline.in(Duration.ofMinutes(1));

  @Test
  void whatALaneWithoutRoomCannotSendGoesOverAnother() throws Exception {
    // Long enough that no lane looks by itself before the test is over.
    var config =
        KvStreamConfig.DEFAULT
            .withLaneFrames(1)
            .withLease(Duration.ofHours(1))
            .withPatience(Duration.ofHours(1));
    var lanes = new TwoLanes(InProcess.pair(), config);

    // The first lane sends something, and has no room from now on.
    lanes.stream.send(new TokenRange(0, 16));
    lanes.sender.flush();
    assertThat(lanes.first.receive()).anyMatch(KvMessage.Part.class::isInstance);
    Thread.sleep(10);

    // It looks by itself for more, though it is of no use.
    lanes.stream.send(new TokenRange(16, 32));
    lanes.sender.flush();
    assertThat(lanes.second.receive()).anyMatch(KvMessage.Part.class::isInstance);
    lanes.second.say(new KvMessage.Ack(1));

    // Now it has to be woken, but the other one is.
    rest();
    lanes.stream.send(new TokenRange(32, 48));
    lanes.sender.flush();
    assertThat(lanes.second.receive()).anyMatch(KvMessage.Part.class::isInstance);

    // Neither has room until this.
    lanes.stream.send(new TokenRange(48, 64));
    lanes.sender.flush();
    lanes.first.say(new KvMessage.Ack(2));
    assertThat(lanes.first.receive()).anyMatch(KvMessage.Part.class::isInstance);
  }

  @Test
  void whileALaneWaitsForItsPeerAnotherSends() throws Exception {
    var config =
        KvStreamConfig.DEFAULT
            .withPieceBytes(2 * 48 * 64)
            .withLease(Duration.ofHours(1))
            .withPatience(Duration.ofHours(1));
    var narrow = InProcess.pair(Identity.of("left"), Identity.of("right"), 4096);
    var lanes = new TwoLanes(narrow, config);
    lanes.stream.send(new TokenRange(0, 1));
    lanes.sender.flush();
    assertThat(lanes.first.receive()).anyMatch(KvMessage.Part.class::isInstance);
    Thread.sleep(10);

    // The first lane, which looks by itself, now sends more than there is room for on its way.
    lanes.stream.send(new TokenRange(1, 49));
    lanes.sender.flush();
    Thread.sleep(20);
    lanes.stream.send(new TokenRange(49, 64));
    lanes.sender.flush();

    assertThat(lanes.second.receive()).anyMatch(KvMessage.Part.class::isInstance);
  }

  /// The lane always has something to send, slowly; the other stream's lease must not end.
  @Test
  void aBusyLaneRenewsAsWell() throws Exception {
    var config =
        KvStreamConfig.DEFAULT
            .withLaneFrames(1000)
            .withPieceBytes(1 << 16)
            .withLease(Duration.ofMillis(30))
            .withPatience(Duration.ofHours(1));
    var layout = new KvLayout(new LayerRange(0, 1), 4, HeadRange.all(1), 16, 8192, DType.F32);
    var memory = use(KvMemory.open(new HostDevice(), layout));
    var peer = new Peer(use(InProcess.pair())); // with room for 15 tokens
    var sender = use(KvSender.open(List.of(peer.theirs), config, KvStreamListener.NONE));
    var idle = sender.offer(KvOffer.all(1, 1, layout, 64), memory);
    var busy = sender.offer(KvOffer.all(2, 1, layout, 64), memory);
    var all = new ArrayList<>(peer.receive());
    while (all.size() < 2) {
      all.addAll(peer.receive());
    }
    peer.say(
        new KvMessage.Granted(idle.number(), 1, 64), new KvMessage.Granted(busy.number(), 1, 64));
    busy.blocks(new int[] {0, 1, 2, 3});
    busy.send(new TokenRange(0, 64));
    sender.flush();

    var renewal = new KvMessage.Renew(idle.number(), 1);
    int renewals = 0;
    for (int parts = 0; parts < 64; ) {
      var messages = peer.receive();
      parts += (int) messages.stream().filter(KvMessage.Part.class::isInstance).count();
      renewals += parts < 64 && messages.contains(renewal) ? 1 : 0;
      Thread.sleep(5);
    }

    assertThat(renewals).isPositive();
    peer.own.close();
  }

  /// A stream with room for 64 tokens over two lanes, of which neither looks by itself any more.
  private final class TwoLanes {
    final Peer first;
    final Peer second = new Peer(use(InProcess.pair()));
    final KvSender sender;
    final KvStream stream;

    TwoLanes(InProcess.Pair pair, KvStreamConfig config) throws Exception {
      var layout = new KvLayout(new LayerRange(0, 2), 4, HeadRange.all(1), 16, 8, DType.F32);
      var memory = use(KvMemory.open(new HostDevice(), layout));
      first = new Peer(use(pair));
      sender = use(KvSender.open(List.of(first.theirs), config, KvStreamListener.NONE));
      stream = sender.offer(KvOffer.all(1, 1, layout, 64), memory);
      stream.blocks(new int[] {2, 0, 1, 3});
      assertThat(first.receive()).contains(new KvMessage.Offer(stream.number(), stream.offer()));
      sender.add(second.theirs);
      first.say(new KvMessage.Granted(stream.number(), 1, 64), new KvMessage.Ack(1));
      rest();
    }
  }

  /// Until no lane looks by itself any more. Were it too short, the test would see less, but pass.
  private static void rest() throws InterruptedException {
    Thread.sleep(200);
  }

  /// The other end of a lane, answered for by the test.
  private static final class Peer {
    final Connection theirs;
    private final Connection own;
    private int replies;

    Peer(InProcess.Pair pair) {
      theirs = pair.left();
      own = pair.right();
    }

    List<KvMessage> receive() throws Exception {
      var incoming = own.receive(Deadline.in(Duration.ofSeconds(30)));
      assertThat(incoming).as("nothing is sent here").isNotNull();
      return KvFrame.read(incoming.head()).messages();
    }

    void say(KvMessage... messages) throws Exception {
      replies++;
      try (var arena = Arena.ofConfined()) {
        var head = arena.allocate(Connection.MOST_HEAD);
        own.send(
            new KvFrame(replies, false, false, List.of(messages)).write(head), List.of(), SOON);
      }
    }
  }
}
