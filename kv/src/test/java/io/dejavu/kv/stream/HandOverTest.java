package io.dejavu.kv.stream;

import static org.assertj.core.api.Assertions.assertThat;

import io.dejavu.kv.BlockPool;
import io.dejavu.kv.HeadRange;
import io.dejavu.kv.KvLayout;
import io.dejavu.kv.KvMemory;
import io.dejavu.kv.KvSlice;
import io.dejavu.kv.LayerRange;
import io.dejavu.kv.Regions;
import io.dejavu.kv.TokenRange;
import io.dejavu.tensor.DType;
import io.dejavu.tensor.HostDevice;
import io.dejavu.transport.Deadline;
import io.dejavu.transport.InProcess;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/// Prompts are handed over one after the other while both sides change their minds. Ten thousand:
/// `-Ddejavu.handovers=10000`.
class HandOverTest {
  private static final int HAND_OVERS = Integer.getInteger("dejavu.handovers", 600);
  private static final int AT_A_TIME = 8;
  private static final int MOST_TOKENS = 96;

  @Test
  void whenBothSidesCancelNothingLeaksAndNothingIsMixedUp() throws Exception {
    var layout = new KvLayout(new LayerRange(0, 3), 64, HeadRange.all(2), 8, 16, DType.F32);
    try (var hand = new HandOvers(layout)) {
      for (int request = 0; request < HAND_OVERS; request++) {
        hand.over(request);
      }
      hand.awaitAll();

      assertThat(hand.failure).as("the first mismatch").isEmpty();
      assertThat(hand.sender.streams()).isZero();
      assertThat(hand.shelf.requests()).isZero();
      assertThat(hand.shelf.freeBlocks()).isEqualTo(hand.shelf.memory().layout().blocks());
      assertThat(hand.receiver.received().mismatches()).isZero();
      // What is to be tested does happen.
      assertThat(hand.count(KvOutcome.Done.class)).isGreaterThan(HAND_OVERS / 5);
      assertThat(hand.count(KvOutcome.Cancelled.class)).isGreaterThan(HAND_OVERS / 10);
      assertThat(hand.received.get()).isGreaterThan(HAND_OVERS / 5);
    }
  }

  private static final class HandOvers implements AutoCloseable {
    final KvSender sender;
    final KvReceiver receiver;
    final KvShelf shelf;
    final AtomicInteger received = new AtomicInteger();
    final ConcurrentLinkedQueue<String> failure = new ConcurrentLinkedQueue<>();
    private final InProcess.Pair[] pairs = {InProcess.pair(), InProcess.pair()};
    private final Map<Class<?>, Integer> outcomes = new ConcurrentHashMap<>();
    private final SplittableRandom random = new SplittableRandom(4711);
    private final KvMemory memory;
    private final BlockPool pool;
    private final List<Flight> flights = new ArrayList<>();

    /// A request's lengths and contents follow from its number.
    private record Flight(int request, KvStream stream) {}

    HandOvers(KvLayout layout) {
      memory = KvMemory.open(new HostDevice(), layout);
      pool = new BlockPool(layout.blocks());
      // Less room than requests under way want, and other blocks.
      shelf =
          new KvShelf(
              KvMemory.open(new HostDevice(), layout.withBlocks(40)),
              false,
              Duration.ofMinutes(1),
              this::arrived);
      receiver =
          KvReceiver.open(
              List.of(pairs[0].right(), pairs[1].right()),
              KvStreamConfig.DEFAULT,
              new KvEpochs(1000),
              new Moody(shelf));
      sender =
          KvSender.open(
              List.of(pairs[0].left(), pairs[1].left()),
              KvStreamConfig.DEFAULT.withPieceBytes(2048),
              KvStreamListener.NONE);
    }

    void over(int request) throws InterruptedException {
      int tokens = tokens(request);
      int blocks = KvLayout.blocksFor(tokens, memory.layout().blockTokens());
      while (flights.size() >= AT_A_TIME || pool.free() < blocks) {
        awaitFirst();
      }
      try (var lease = pool.lend(blocks)) {
        lease.giveTo(request + 1L);
      }
      write(request, tokens);
      var stream = sender.offer(KvOffer.all(request, 1, memory.layout(), tokens), memory);
      flights.add(new Flight(request, stream));
      stream.blocks(pool.ownedBy(request + 1L));
      int canceledAt = random.nextInt(4) == 0 ? random.nextInt(6) : -1;
      for (int layer = 0; layer < 3; layer++) {
        if (layer == canceledAt) {
          stream.cancel("a whim");
        }
        stream.send(new LayerRange(layer, layer + 1), new TokenRange(0, tokens));
        sender.flush();
      }
      stream.commit(tokens);
      if (canceledAt == 3) {
        stream.cancel("a whim");
      }
      stream.finish(tokens);
      if (canceledAt > 3) {
        for (int i = random.nextInt(20_000); i > 0; i--) {
          Thread.onSpinWait();
        }
        stream.cancel("a late whim");
      }
    }

    private static int tokens(int request) {
      return 1 + new SplittableRandom(request).nextInt(MOST_TOKENS);
    }

    private void write(int request, int tokens) {
      var slice = slice(tokens);
      var regions = Regions.of(memory.layout(), pool.ownedBy(request + 1L), slice, 8);
      memory.scatter(MemorySegment.ofArray(content(request, slice)), regions);
    }

    private KvSlice slice(int tokens) {
      return new KvSlice(
          memory.layout().layers(), new TokenRange(0, tokens), memory.layout().heads());
    }

    private byte[] content(int request, KvSlice slice) {
      var bytes = new byte[(int) memory.layout().type().bytes(slice.elements(16))];
      new Random(request).nextBytes(bytes);
      return bytes;
    }

    /// On the shelf, from a thread of the receiver.
    private void arrived(KvShelf.Kept kept) {
      received.incrementAndGet();
      int request = (int) kept.request();
      var slice = slice(kept.tokens());
      var regions = Regions.of(shelf.memory().layout(), kept.blocks(), slice, 8);
      var bytes = new byte[(int) regions.bytes()];
      shelf.memory().gather(regions, MemorySegment.ofArray(bytes));
      if (kept.tokens() != tokens(request) || !Arrays.equals(bytes, content(request, slice))) {
        failure.add("request %d, %d tokens".formatted(request, kept.tokens()));
      }
      shelf.drop(request);
    }

    void awaitAll() throws InterruptedException {
      while (!flights.isEmpty()) {
        awaitFirst();
      }
      var deadline = Deadline.in(Duration.ofSeconds(60));
      while (receiver.streams() > 0 && !deadline.hasPassed()) {
        Thread.sleep(1);
      }
      assertThat(pool.inUse()).isZero();
      pool.check();
    }

    private void awaitFirst() throws InterruptedException {
      var flight = flights.removeFirst();
      var outcome = flight.stream.await(Deadline.in(Duration.ofSeconds(60)));
      assertThat(outcome).as("request %d", flight.request).isNotNull();
      outcomes.merge(outcome.getClass(), 1, Integer::sum);
      pool.release(flight.request + 1L);
    }

    int count(Class<? extends KvOutcome> kind) {
      return outcomes.getOrDefault(kind, 0);
    }

    @Override
    public void close() {
      sender.close();
      receiver.close();
      memory.close();
      shelf.memory().close();
      for (var pair : pairs) {
        pair.close();
      }
    }
  }

  /// A landing that gives some requests up: when they are offered, when their first tokens are
  /// there, or whenever another one comes.
  private static final class Moody implements KvLanding {
    private final KvShelf shelf;
    private final List<KvArrival> live = new ArrayList<>();

    Moody(KvShelf shelf) {
      this.shelf = shelf;
    }

    @Override
    public synchronized void offered(KvArrival arrival) {
      shelf.offered(arrival);
      live.add(arrival);
      var random = random(arrival);
      int mood = random.nextInt(30);
      if (mood == 0) {
        arrival.cancel("a mood");
      } else if (mood < 3) {
        live.get(random.nextInt(live.size())).cancel("another mood");
      } else if (mood == 3) {
        shelf.drop(arrival.offer().request());
      }
    }

    @Override
    public void committed(KvArrival arrival, int tokens) {
      if (random(arrival).nextInt(40) == 0) {
        arrival.cancel("too late");
      }
    }

    private static SplittableRandom random(KvArrival arrival) {
      return new SplittableRandom(~arrival.offer().request());
    }

    @Override
    public synchronized void ended(KvArrival arrival, KvOutcome outcome) {
      live.remove(arrival);
      shelf.ended(arrival, outcome);
    }
  }
}
