package io.dejavu.kv.stream;

import static java.util.concurrent.TimeUnit.MINUTES;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.dejavu.kv.HeadRange;
import io.dejavu.kv.KvLayout;
import io.dejavu.kv.KvMemory;
import io.dejavu.kv.KvSlice;
import io.dejavu.kv.LayerRange;
import io.dejavu.kv.PlainKv;
import io.dejavu.kv.Regions;
import io.dejavu.kv.TokenRange;
import io.dejavu.tensor.DType;
import io.dejavu.tensor.HostDevice;
import io.dejavu.transport.Connection;
import io.dejavu.transport.Deadline;
import io.dejavu.transport.InProcess;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import org.junit.jupiter.api.Test;

/// Streams of keys and values from one memory to another, by real threads over connections within
/// the process.
class KvStreamTest extends OpeningTest {
  private static final Deadline SOON = Deadline.in(Duration.ofMinutes(1));

  /// How to use it, both sides. A prompt of 40 tokens is streamed layer by layer while it is
  /// computed, then three tokens follow, one per step; a second worker has them all.
  ///
  /// *Threads.* What stands between the two lines is what a step loop does: `blocks`, `send`,
  /// `commit` and `flush` never wait. Everything that a landing or a listener hears comes from
  /// threads of the receiver or sender, so they only put it into a queue.
  @Test
  void aReplicaFollowsStepByStep() throws Exception {
    var layout = new KvLayout(new LayerRange(0, 4), 20, HeadRange.all(3), 16, 8, DType.F32);
    var pair = use(InProcess.pair());

    // One process: who receives owns a memory and says where streams may go.
    var replicas = use(KvMemory.open(new HostDevice(), layout.withBlocks(8)));
    var landing = new Shelf(replicas);
    use(
        KvReceiver.open(
            List.of(pair.right()), KvStreamConfig.DEFAULT, new KvEpochs(1000), landing));

    // Another one: who sends computes.
    var memory = use(KvMemory.open(new HostDevice(), layout));
    var sender =
        use(KvSender.open(List.of(pair.left()), KvStreamConfig.DEFAULT, KvStreamListener.NONE));
    int[] blocks = {7, 3, 11};
    compute(memory, blocks, new KvSlice(layout.layers(), new TokenRange(0, 43), layout.heads()));

    // ----------------------------------------------------------------------------------------
    var stream = sender.offer(KvOffer.all(1234, 1, layout, 100), memory);
    stream.blocks(blocks);
    for (int layer = 0; layer < 4; layer++) {
      stream.send(new LayerRange(layer, layer + 1), new TokenRange(0, 40)); // when it is written
      sender.flush();
    }
    stream.commit(40);
    for (int token = 40; token < 43; token++) {
      stream.send(new TokenRange(token, token + 1));
      stream.commit(token + 1);
      sender.flush(); // once per step, for all streams
    }
    stream.finish(43);
    // ----------------------------------------------------------------------------------------

    assertThat(stream.await(SOON)).isEqualTo(new KvOutcome.Done(43));
    assertThat(stream.committed()).isEqualTo(43);
    var arrival = landing.ends.take();
    assertThat(arrival.outcome()).isEqualTo(new KvOutcome.Done(43));
    assertThat(landing.commits).isSorted().contains(43);
    expectSame(memory, blocks, replicas, landing.blocks, 43);
  }

  @Test
  void aStreamWaitsUntilThereIsRoomAndGrowsWithIt() throws Exception {
    var link = new Link(KvStreamConfig.DEFAULT, 1);
    var stream = link.offer(1, 1, 64);
    stream.send(new TokenRange(0, 64));
    stream.finish(64);

    var arrival = link.landing.offers.take();
    assertThat(arrival.grant(link.target, new int[] {5})).isTrue();
    assertThat(link.sender.sent().pieces()).isLessThan(3);
    assertThat(arrival.grant(link.target, new int[] {5, 2, 0, 1})).isTrue();

    assertThat(stream.await(SOON)).isEqualTo(new KvOutcome.Done(64));
    assertThat(arrival.grant(link.target, new int[] {5, 2, 0, 1})).isFalse();
    expectSame(link.memory, link.blocks, link.target, new int[] {5, 2, 0, 1}, 64);
  }

  @Test
  void aLateWriterIsRefused() throws Exception {
    var link = new Link(KvStreamConfig.DEFAULT, 1);
    var older = link.offer(7, 3, 64);
    var olderArrival = link.landing.offers.take();
    olderArrival.grant(link.target, new int[] {0, 1, 2, 3});

    var newer = link.offer(7, 4, 64);
    link.landing.offers.take().grant(link.target, new int[] {4, 5, 6, 7});
    newer.send(new TokenRange(0, 64));
    newer.finish(64);

    assertThat(newer.await(SOON)).isEqualTo(new KvOutcome.Done(64));
    assertThat(older.await(SOON)).isInstanceOf(KvOutcome.Refused.class);
    assertThat(olderArrival.outcome()).isInstanceOf(KvOutcome.Refused.class);
    assertThat(link.offer(7, 3, 64).await(SOON)).isInstanceOf(KvOutcome.Refused.class);
    expectSame(link.memory, link.blocks, link.target, new int[] {4, 5, 6, 7}, 64);
  }

  @Test
  void eitherSideCancels() throws Exception {
    var link = new Link(KvStreamConfig.DEFAULT, 1);

    var stream = link.offer(1, 1, 64);
    var arrival = link.landing.offers.take();
    stream.cancel("not wanted any more");
    assertThat(stream.await(SOON)).isEqualTo(new KvOutcome.Cancelled("not wanted any more"));
    assertThat(link.landing.ends.take()).isSameAs(arrival);
    assertThat(arrival.grant(link.target, new int[] {0})).isFalse();

    stream = link.offer(2, 1, 64);
    arrival = link.landing.offers.take();
    arrival.grant(link.target, new int[] {0});
    arrival.cancel("out of memory");
    assertThat(stream.await(SOON)).isEqualTo(new KvOutcome.Cancelled("out of memory"));
    assertThat(link.landing.ends.take()).isSameAs(arrival);

    stream = link.offer(3, 1, 64);
    link.landing.offers.take().refuse("no room");
    assertThat(stream.await(SOON)).isEqualTo(new KvOutcome.Refused("no room"));
    assertThat(link.sender.streams()).isZero();
    while (link.receiver.streams() > 0 && !SOON.hasPassed()) { // it may say so before it tells
      Thread.sleep(1);
    }
    assertThat(link.receiver.streams()).isZero();
  }

  @Test
  void aSenderThatFallsSilentLosesItsPlace() throws Exception {
    var config = KvStreamConfig.DEFAULT.withLease(Duration.ofMillis(50));
    var link = new Link(KvStreamConfig.DEFAULT, config, 1);
    var stream = link.offer(1, 1, 64); // renews every few seconds

    link.landing.offers.take().grant(link.target, new int[] {0});

    assertThat(link.landing.ends.take().outcome()).isInstanceOf(KvOutcome.Expired.class);
    assertThat(stream.await(SOON)).isInstanceOf(KvOutcome.Expired.class);
  }

  @Test
  void aSenderThatRenewsKeepsItsPlace() throws Exception {
    var config = KvStreamConfig.DEFAULT.withLease(Duration.ofMillis(800));
    var link = new Link(config, 1);
    var stream = link.offer(1, 1, 64);
    var arrival = link.landing.offers.take();
    arrival.grant(link.target, new int[] {0, 1, 2, 3});

    assertThat(stream.await(Deadline.in(Duration.ofSeconds(2)))).isNull();

    stream.send(new TokenRange(0, 64));
    stream.finish(64);
    assertThat(stream.await(SOON)).isEqualTo(new KvOutcome.Done(64));
  }

  @Test
  void whatALostLaneCarriedComesOverAnother() throws Exception {
    var link = new Link(KvStreamConfig.DEFAULT.withPieceBytes(4096), 3);
    var stream = link.offer(1, 1, 64);
    link.landing.offers.take().grant(link.target, new int[] {3, 2, 1, 0});

    stream.send(new TokenRange(0, 32));
    link.sender.flush();
    link.connections.get(0).close();
    stream.send(new TokenRange(32, 64));
    stream.finish(64);

    assertThat(stream.await(SOON)).isEqualTo(new KvOutcome.Done(64));
    expectSame(link.memory, link.blocks, link.target, new int[] {3, 2, 1, 0}, 64);
  }

  @Test
  void withoutAnyLaneAllStreamsEndOnBothSides() throws Exception {
    var link = new Link(KvStreamConfig.DEFAULT, 2);
    var granted = link.offer(1, 1, 64);
    link.landing.offers.take().grant(link.target, new int[] {0});
    var waiting = link.offer(2, 1, 64);
    link.landing.offers.take();

    link.connections.forEach(Connection::close);

    assertThat(granted.await(SOON)).isInstanceOf(KvOutcome.PeerLost.class);
    assertThat(waiting.await(SOON)).isInstanceOf(KvOutcome.PeerLost.class);
    assertThat(link.landing.ends.take().outcome()).isInstanceOf(KvOutcome.PeerLost.class);
    assertThat(link.landing.ends.take().outcome()).isInstanceOf(KvOutcome.PeerLost.class);
    assertThat(link.landing.losses.poll(1, MINUTES)).startsWith("left: ");
    assertThat(link.events.poll(1, MINUTES)).startsWith("lost right: ");
    assertThat(link.offer(3, 1, 64).await(SOON)).isInstanceOf(KvOutcome.PeerLost.class);
    assertThat(link.sender.streams()).isZero();
  }

  @Test
  void aSenderThatClosesSaysThatItIsOver() throws Exception {
    for (int i = 0; i < 20; i++) {
      var link = new Link(KvStreamConfig.DEFAULT, 1);
      link.offer(1, 1, 64);
      link.landing.offers.take().grant(link.target, new int[] {0});

      link.sender.close();

      assertThat(link.landing.ends.take().outcome())
          .isEqualTo(new KvOutcome.Cancelled("by the sender"));
    }
  }

  @Test
  void aReceiverThatClosesHasSaidWhatItsLandingHeard() throws Exception {
    for (int lanes = 1; lanes <= 2; lanes++) {
      var link = new Link(KvStreamConfig.DEFAULT, lanes);
      link.landing.atEnd = link.receiver::close;
      var stream = link.offer(1, 1, 64);
      link.landing.offers.take().grant(link.target, new int[] {0, 1, 2, 3});
      stream.send(new TokenRange(0, 64));
      stream.finish(64);

      assertThat(stream.await(SOON)).isEqualTo(new KvOutcome.Done(64));
      assertThat(link.landing.ends.take().outcome()).isEqualTo(new KvOutcome.Done(64));
    }
  }

  @Test
  void moreBlocksComeAfterTheSame() throws Exception {
    var link = new Link(KvStreamConfig.DEFAULT, 1);
    link.offer(1, 1, 64);
    var arrival = link.landing.offers.take();
    arrival.grant(link.target, new int[] {4, 2});

    assertThatThrownBy(() -> arrival.grant(link.target, new int[] {4, 3, 2}))
        .hasMessage("blocks [4, 3, 2] granted after [4, 2]");
    assertThatThrownBy(() -> arrival.grant(link.target, new int[] {4}))
        .isInstanceOf(IllegalArgumentException.class);
    assertThat(arrival.grant(link.target, new int[] {4, 2, 3})).isTrue();
  }

  @Test
  void anOfferOfMoreLayersThanAnyModelHasIsGarbage() {
    var state = new ReceiverState(KvStreamConfig.DEFAULT, new KvEpochs(10));
    state.laneOpened(1);

    assertThatThrownBy(() -> state.on(1, offer(1, 1_000_000_000), 0))
        .isInstanceOf(BadFrame.class)
        .hasMessageContaining("1000000000 layers");
  }

  private static KvMessage.Offer offer(int stream, int layers) {
    return new KvMessage.Offer(
        stream,
        new KvOffer(
            stream,
            1,
            new LayerRange(0, layers),
            HeadRange.all(1),
            8,
            DType.F32,
            16,
            new TokenRange(0, 64)));
  }

  @Test
  void aSlowPeerIsReported() throws Exception {
    var link = new Link(KvStreamConfig.DEFAULT.withQueuedBytes(10_000), 1);
    var stream = link.offer(1, 1, 64);
    var arrival = link.landing.offers.take();
    stream.send(new TokenRange(0, 64));
    link.sender.flush();
    assertThat(link.events.take()).isEqualTo("blocked");

    arrival.grant(link.target, new int[] {0, 1, 2, 3});

    assertThat(link.events.take()).isEqualTo("unblocked");
    stream.finish(64);
    assertThat(stream.await(SOON)).isEqualTo(new KvOutcome.Done(64));
  }

  @Test
  void aLandingThatFailsCostsItsStreamOnly() throws Exception {
    var link = new Link(KvStreamConfig.DEFAULT, 1);
    link.landing.isBroken = true;
    assertThat(link.offer(1, 1, 64).await(SOON)).isInstanceOf(KvOutcome.Refused.class);
    link.landing.isBroken = false;

    var stream = link.offer(2, 1, 64);
    link.landing.offers.take().grant(link.target, new int[] {0});
    stream.finish(0);

    assertThat(stream.await(SOON)).isEqualTo(new KvOutcome.Done(0));
  }

  @Test
  void whatDoesNotFitIsRefusedAtOnce() {
    var link = new Link(KvStreamConfig.DEFAULT, 1);
    var layout = link.memory.layout();
    var stream = link.offer(1, 1, 64);

    assertThatThrownBy(() -> stream.send(new TokenRange(60, 65)))
        .hasMessageContaining("tokens [60, 65)");
    assertThatThrownBy(() -> stream.blocks(new int[] {9, 1, 2, 5, layout.blocks()}))
        .isInstanceOf(IndexOutOfBoundsException.class);
    assertThatThrownBy(() -> stream.blocks(new int[] {9, 1, 3, 5}))
        .hasMessageContaining("[9, 1, 3, 5] after [9, 1, 2, 5]");
    assertThatThrownBy(() -> stream.finish(65)).hasMessageContaining("65 tokens after 0");
    assertThatThrownBy(
            () ->
                link.sender.offer(
                    new KvOffer(
                        1,
                        1,
                        new LayerRange(0, 99),
                        layout.heads(),
                        layout.headSize(),
                        layout.type(),
                        16,
                        new TokenRange(0, 1)),
                    link.memory))
        .hasMessageContaining("no place for");
  }

  // --- both sides

  /// A sender and a receiver in this process, and a landing that the test answers for.
  private final class Link {
    final KvMemory memory;
    final KvMemory target;
    final int[] blocks = {9, 1, 2, 5};
    final List<Connection> connections = new ArrayList<>();
    final Asked landing = new Asked();
    final BlockingQueue<String> events = new LinkedBlockingQueue<>();
    final KvSender sender;
    final KvReceiver receiver;

    Link(KvStreamConfig config, int lanes) {
      this(config, config, lanes);
    }

    Link(KvStreamConfig config, KvStreamConfig receiversConfig, int lanes) {
      var layout = new KvLayout(new LayerRange(2, 5), 10, new HeadRange(1, 4), 16, 8, DType.F32);
      memory = use(KvMemory.open(new HostDevice(), layout));
      target = use(KvMemory.open(new HostDevice(), layout));
      compute(memory, blocks, new KvSlice(layout.layers(), new TokenRange(0, 64), layout.heads()));
      var others = new ArrayList<Connection>();
      for (int i = 0; i < lanes; i++) {
        var pair = use(InProcess.pair());
        connections.add(pair.left());
        others.add(pair.right());
      }
      receiver = use(KvReceiver.open(others, receiversConfig, new KvEpochs(100), landing));
      sender = use(KvSender.open(connections, config, listener()));
    }

    private KvStreamListener listener() {
      return new KvStreamListener() {
        @Override
        public void blocked(String peer) {
          events.add("blocked");
        }

        @Override
        public void unblocked(String peer) {
          events.add("unblocked");
        }

        @Override
        public void lost(String peer, String why) {
          events.add("lost %s: %s".formatted(peer, why));
        }
      };
    }

    KvStream offer(long request, int epoch, int tokens) {
      var stream = sender.offer(KvOffer.all(request, epoch, memory.layout(), tokens), memory);
      stream.blocks(blocks);
      return stream;
    }
  }

  /// A landing that puts everything into queues.
  private static final class Asked implements KvLanding {
    final BlockingQueue<KvArrival> offers = new LinkedBlockingQueue<>();
    final BlockingQueue<KvArrival> ends = new LinkedBlockingQueue<>();
    final BlockingQueue<String> losses = new LinkedBlockingQueue<>();
    volatile boolean isBroken;
    volatile Runnable atEnd = () -> {};

    @Override
    public void offered(KvArrival arrival) {
      if (isBroken) {
        throw new IllegalStateException("a landing that fails");
      }
      offers.add(arrival);
    }

    @Override
    public void ended(KvArrival arrival, KvOutcome outcome) {
      ends.add(arrival);
      atEnd.run();
    }

    @Override
    public void lost(String peer, String why) {
      losses.add("%s: %s".formatted(peer, why));
    }
  }

  /// A landing with room for one.
  private static final class Shelf implements KvLanding {
    final KvMemory memory;
    final int[] blocks = {0, 1, 2, 3, 4, 5, 6};
    final List<Integer> commits = new ArrayList<>();
    final BlockingQueue<KvArrival> ends = new LinkedBlockingQueue<>();

    Shelf(KvMemory memory) {
      this.memory = memory;
    }

    @Override
    public void offered(KvArrival arrival) {
      arrival.grant(memory, blocks);
    }

    @Override
    public void committed(KvArrival arrival, int tokens) {
      commits.add(tokens);
    }

    @Override
    public void ended(KvArrival arrival, KvOutcome outcome) {
      ends.add(arrival);
    }
  }

  private static void compute(KvMemory memory, int[] blocks, KvSlice slice) {
    var image = PlainKv.image(memory);
    PlainKv.write(image, memory.layout(), blocks, slice, 1);
    PlainKv.fill(memory, image);
  }

  private static void expectSame(
      KvMemory memory, int[] blocks, KvMemory other, int[] otherBlocks, int tokens) {
    assertThat(bytes(other, otherBlocks, tokens)).isEqualTo(bytes(memory, blocks, tokens));
  }

  private static byte[] bytes(KvMemory memory, int[] blocks, int tokens) {
    var layout = memory.layout();
    var slice = new KvSlice(layout.layers(), new TokenRange(0, tokens), layout.heads());
    var regions = Regions.of(layout, blocks, slice, 16);
    var bytes = new byte[(int) regions.bytes()];
    memory.gather(regions, MemorySegment.ofArray(bytes));
    assertThat(Arrays.equals(bytes, new byte[bytes.length])).isFalse();
    return bytes;
  }
}
