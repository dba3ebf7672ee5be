package io.dejavu.kv.stream;

import static org.assertj.core.api.Assertions.assertThat;

import io.dejavu.kv.KvLayout;
import io.dejavu.kv.KvMemory;
import io.dejavu.kv.KvSide;
import io.dejavu.kv.KvSlice;
import io.dejavu.kv.LayerRange;
import io.dejavu.kv.PlainKv;
import io.dejavu.kv.Regions;
import io.dejavu.kv.Resharding;
import io.dejavu.kv.Route;
import io.dejavu.kv.TokenRange;
import io.dejavu.tensor.DType;
import io.dejavu.tensor.HostDevice;
import io.dejavu.transport.Connection;
import io.dejavu.transport.Deadline;
import io.dejavu.transport.InProcess;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/// Sequences move between two sides of any shape, over connections that lose and corrupt, layer by
/// layer and step by step, and are there to the bit. More seeds: `-Ddejavu.streams.seeds=2000`.
class StreamPropertyTest {
  private static final int SEEDS = Integer.getInteger("dejavu.streams.seeds", 150);
  private static final int FIRST_SEED = Integer.getInteger("dejavu.streams.first", 0);

  @Test
  void whateverTheSidesLookLikeAndTheLinksLoseEverythingArrives() throws Exception {
    long mismatches = 0;
    long repeated = 0;
    for (int seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
      try (var move = new Move(seed)) {
        move.run();
        for (var receiver : move.receivers) {
          mismatches += receiver.received().mismatches();
          repeated += receiver.received().repeated();
        }
      } catch (RuntimeException | AssertionError e) {
        throw new AssertionError("seed " + seed, e);
      }
    }

    // What is to be tested does happen.
    assertThat(mismatches).isGreaterThan(SEEDS);
    assertThat(repeated).isPositive();
  }

  private static final class Move implements AutoCloseable {
    final List<KvReceiver> receivers = new ArrayList<>();
    private final SplittableRandom random;
    private final KvSide from;
    private final KvSide to;
    private final int[] tokens;
    private final Map<String, KvMemory> sources = new ConcurrentHashMap<>();
    private final Map<String, KvShelf> shelves = new ConcurrentHashMap<>();
    private final List<KvSender> senders = new ArrayList<>();
    private final KvEpochs epochs = new KvEpochs(100);

    Move(long seed) {
      random = new SplittableRandom(seed);
      int layers = 1 + random.nextInt(8);
      int kvHeads = 1 + random.nextInt(6);
      int headSize = 1 + random.nextInt(6);
      var type = random.nextBoolean() ? DType.F32 : DType.BF16;
      from = side(layers, kvHeads, headSize, type);
      to = side(layers, kvHeads, headSize, type);
      tokens = IntStream.range(0, 1 + random.nextInt(4)).map(_ -> 1 + random.nextInt(70)).toArray();
    }

    private KvSide side(int layers, int kvHeads, int headSize, DType type) {
      return KvSide.even(
          layers,
          kvHeads,
          headSize,
          type,
          1 + random.nextInt(Math.min(layers, 4)),
          1 + random.nextInt(4),
          1 << random.nextInt(6));
    }

    void run() throws InterruptedException {
      var resharding = Resharding.between(from, to);
      var config =
          KvStreamConfig.DEFAULT
              .withPieceBytes(1024 << random.nextInt(6))
              .withLaneFrames(1 + random.nextInt(6));
      var streams = new ArrayList<KvStream>();
      for (var route : resharding.routes()) {
        streams.addAll(begin(route, config));
      }
      for (var stream : streams) {
        assertThat(stream.await(Deadline.in(Duration.ofSeconds(60))))
            .isEqualTo(new KvOutcome.Done(stream.offer().tokens().end()));
      }
      check();
    }

    private List<KvStream> begin(Route route, KvStreamConfig config) {
      var memory = source(route.fromStage(), route.fromShard());
      var shelf = shelf(route.toStage(), route.toShard());
      var ours = new ArrayList<Connection>();
      var theirs = new ArrayList<Connection>();
      int lanes = 1 + random.nextInt(3);
      for (int i = 0; i < lanes; i++) {
        var pair = InProcess.pair();
        ours.add(pair.left());
        double breaks = i == 0 ? 0 : 0.05; // one survives
        theirs.add(new FlakyConnection(pair.right(), random.split(), 0.05, breaks));
      }
      receivers.add(KvReceiver.open(theirs, patient(config), epochs, shelf));
      var sender = KvSender.open(ours, config, KvStreamListener.NONE);
      senders.add(sender);
      var streams = new ArrayList<KvStream>();
      for (int i = 0; i < tokens.length; i++) {
        var layout = memory.layout();
        var stream = sender.offer(KvOffer.all(i, 1, layout, tokens[i]).to(route), memory);
        stream.blocks(table(layout, i));
        streams.add(stream);
      }
      post(sender, streams);
      return streams;
    }

    /// However many of them are wrong.
    private static KvStreamConfig patient(KvStreamConfig config) {
      return new KvStreamConfig(
          config.pieceBytes(),
          config.laneFrames(),
          config.queuedBytes(),
          1 << 6,
          true,
          Integer.MAX_VALUE,
          config.lease(),
          config.patience());
    }

    /// A prompt layer by layer, then a few tokens at a time, of all streams in turn.
    private void post(KvSender sender, List<KvStream> streams) {
      for (var stream : streams) {
        var offer = stream.offer();
        int end = offer.tokens().end();
        int prompt = 1 + random.nextInt(end);
        for (int layer = offer.layers().start(); layer < offer.layers().end(); layer++) {
          stream.send(new LayerRange(layer, layer + 1), new TokenRange(0, prompt));
          sender.flush();
        }
        stream.commit(prompt);
        for (int next = prompt, upTo; next < end; next = upTo) {
          upTo = Math.min(end, next + 1 + random.nextInt(20));
          stream.send(new TokenRange(next, upTo));
          stream.commit(upTo);
          if (random.nextBoolean()) {
            sender.flush();
          }
        }
        stream.finish(end);
      }
    }

    private KvMemory source(int stage, int shard) {
      return sources.computeIfAbsent(
          stage + "/" + shard,
          _ -> {
            var memory =
                KvMemory.open(
                    new HostDevice(), from.layout(stage, shard, blocks(from.blockTokens())));
            var image = PlainKv.image(memory);
            for (int i = 0; i < tokens.length; i++) {
              PlainKv.write(image, memory.layout(), table(memory.layout(), i), all(memory, i), i);
            }
            PlainKv.fill(memory, image);
            return memory;
          });
    }

    private KvShelf shelf(int stage, int shard) {
      return shelves.computeIfAbsent(
          stage + "/" + shard,
          _ ->
              new KvShelf(
                  KvMemory.open(
                      new HostDevice(), to.layout(stage, shard, blocks(to.blockTokens()))),
                  false,
                  Duration.ofMinutes(1),
                  _ -> {}));
    }

    private int blocks(int blockTokens) {
      return IntStream.of(tokens).map(n -> KvLayout.blocksFor(n, blockTokens)).sum() + 1;
    }

    /// Backwards, so that few blocks touch, or not.
    private int[] table(KvLayout layout, int sequence) {
      int start = 0;
      for (int i = 0; i < sequence; i++) {
        start += KvLayout.blocksFor(tokens[i], layout.blockTokens());
      }
      int first = start;
      int count = KvLayout.blocksFor(tokens[sequence], layout.blockTokens());
      return IntStream.range(0, count)
          .map(i -> sequence % 2 == 0 ? first + i : first + count - 1 - i)
          .toArray();
    }

    private KvSlice all(KvMemory memory, int sequence) {
      return new KvSlice(
          memory.layout().layers(), new TokenRange(0, tokens[sequence]), memory.layout().heads());
    }

    private void check() {
      for (var shelf : shelves.values()) {
        var memory = shelf.memory();
        for (int i = 0; i < tokens.length; i++) {
          // The last acknowledgement may be there before the shelf has heard of it.
          awaitEnd(shelf, i);
          var kept = shelf.find(i);
          assertThat(kept).isNotNull();
          assertThat(kept.tokens()).isEqualTo(tokens[i]);
          var slice = all(memory, i);
          var regions = Regions.of(memory.layout(), kept.blocks(), slice, 16);
          var bytes = new byte[(int) regions.bytes()];
          memory.gather(regions, MemorySegment.ofArray(bytes));
          assertThat(bytes).isEqualTo(PlainKv.wire(slice, memory.layout(), 16, i));
          shelf.drop(i);
        }
        assertThat(shelf.freeBlocks()).isEqualTo(memory.layout().blocks());
      }
    }

    private void awaitEnd(KvShelf shelf, int request) {
      var deadline = Deadline.in(Duration.ofSeconds(60));
      while (!shelf.isWhole(request) && !deadline.hasPassed()) {
        Thread.onSpinWait();
      }
    }

    @Override
    public void close() {
      senders.forEach(KvSender::close);
      receivers.forEach(KvReceiver::close);
      sources.values().forEach(KvMemory::close);
      shelves.values().forEach(shelf -> shelf.memory().close());
    }
  }
}
