package io.dejavu.kv;

import static org.assertj.core.api.Assertions.assertThat;

import io.dejavu.tensor.DType;
import io.dejavu.tensor.Device;
import io.dejavu.tensor.HostDevice;
import io.dejavu.testkit.FakeDevice;
import java.io.ByteArrayOutputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/// Whatever two sides look like, what the receiving one has in the end is what the sending one had,
/// to the bit, each byte written once and no other byte touched. More seeds:
/// `-Ddejavu.resharding.seeds=20000`.
class ReshardingPropertyTest {
  private static final int SEEDS = Integer.getInteger("dejavu.resharding.seeds", 400);

  @Test
  void everyByteArrivesOnceAndNoOtherIsTouched() {
    for (int seed = 0; seed < SEEDS; seed++) {
      try (var move = new Move(seed)) {
        move.run();
      } catch (RuntimeException | AssertionError e) {
        throw new AssertionError("seed " + seed, e);
      }
    }
  }

  /// One part of a sequence on one route.
  private record Piece(Route route, int sequence, KvSlice slice, int wireTokens) {}

  /// A worker of a side: its memory, and the blocks of each sequence in it.
  private static final class Worker implements AutoCloseable {
    final Device device;
    final KvMemory memory;
    final List<int[]> tables = new ArrayList<>();
    final byte[] image;

    Worker(Random random, KvLayout layout, int[] tokens) {
      int S = layout.blockTokens();
      int used = Arrays.stream(tokens).map(n -> KvLayout.blocksFor(n, S)).sum();
      int blocks = used + 1 + random.nextInt(4);
      var numbers = new ArrayList<>(IntStream.range(0, blocks).boxed().toList());
      if (random.nextBoolean()) {
        Collections.shuffle(numbers, random);
      }
      int next = random.nextInt(blocks - used + 1);
      for (int count : tokens) {
        // Sometimes there is room for more tokens than there are.
        int its = KvLayout.blocksFor(count, S);
        tables.add(numbers.subList(next, next + its).stream().mapToInt(i -> i).toArray());
        next += its;
      }
      device = random.nextInt(3) == 0 ? new FakeDevice() : new HostDevice();
      memory = KvMemory.open(device, layout.withBlocks(blocks));
      image = new byte[Math.toIntExact(memory.layout().bytes())];
      random.nextBytes(image);
    }

    /// The whole of what it has of a sequence.
    KvSlice all(int tokens) {
      return new KvSlice(
          memory.layout().layers(), new TokenRange(0, tokens), memory.layout().heads());
    }

    Regions regions(Piece piece) {
      return Regions.of(memory.layout(), tables.get(piece.sequence), piece.slice, piece.wireTokens);
    }

    @Override
    public void close() {
      memory.close();
      device.close();
    }
  }

  private static final class Move implements AutoCloseable {
    private final Random random;
    private final KvSide from;
    private final KvSide to;
    private final int[] tokens;
    private final List<List<Worker>> senders;
    private final List<List<Worker>> receivers;

    Move(int seed) {
      random = new Random(seed);
      int layers = 1 + random.nextInt(8);
      int kvHeads = 1 + random.nextInt(6);
      int headSize = 1 + random.nextInt(6);
      var type = random.nextBoolean() ? DType.F32 : DType.BF16;
      from = side(layers, kvHeads, headSize, type);
      to = side(layers, kvHeads, headSize, type);
      tokens = IntStream.range(0, 1 + random.nextInt(3)).map(_ -> 1 + random.nextInt(70)).toArray();
      senders = workers(from);
      receivers = workers(to);
    }

    private KvSide side(int layers, int kvHeads, int headSize, DType type) {
      int blockTokens = 1 << random.nextInt(7);
      if (random.nextInt(3) == 0) {
        int stages = 1 + random.nextInt(layers);
        return KvSide.even(
            layers, kvHeads, headSize, type, stages, 1 + random.nextInt(8), blockTokens);
      }
      var stages = new ArrayList<LayerRange>();
      for (int start = 0, end; start < layers; start = end) {
        end = start + 1 + random.nextInt(layers - start);
        stages.add(new LayerRange(start, end));
      }
      var shards = new ArrayList<HeadRange>();
      for (int start = 0, end; start < kvHeads; start = end) {
        end = start + 1 + random.nextInt(kvHeads - start);
        // Some reach over what others have, some are there several times.
        shards.add(new HeadRange(random.nextInt(3) == 0 ? random.nextInt(start + 1) : start, end));
        if (random.nextInt(3) == 0) {
          shards.add(shards.getLast());
        }
      }
      if (random.nextInt(4) == 0) {
        Collections.shuffle(shards, random);
      }
      return new KvSide(kvHeads, headSize, type, stages, shards, blockTokens);
    }

    private List<List<Worker>> workers(KvSide side) {
      return IntStream.range(0, side.stages().size())
          .mapToObj(
              stage ->
                  IntStream.range(0, side.shards().size())
                      .mapToObj(shard -> new Worker(random, side.layout(stage, shard, 1), tokens))
                      .toList())
          .toList();
    }

    void run() {
      for (var stage : senders) {
        stage.forEach(this::write);
      }
      for (var stage : receivers) {
        stage.forEach(worker -> PlainKv.fill(worker.memory, worker.image));
      }
      var pieces = pieces();
      Collections.shuffle(pieces, random);

      pieces.forEach(this::carry);

      for (var stage : receivers) {
        for (var worker : stage) {
          write(worker.image, worker);
          assertThat(Arrays.mismatch(PlainKv.image(worker.memory), worker.image))
              .as("first wrong byte of %s, from %s to %s", worker.memory.layout(), from, to)
              .isEqualTo(-1);
        }
      }
      assertWrittenOnce(pieces);
    }

    private void write(Worker worker) {
      write(worker.image, worker);
      PlainKv.fill(worker.memory, worker.image);
    }

    private void write(byte[] image, Worker worker) {
      for (int sequence = 0; sequence < tokens.length; sequence++) {
        PlainKv.write(
            image,
            worker.memory.layout(),
            worker.tables.get(sequence),
            worker.all(tokens[sequence]),
            sequence);
      }
    }

    /// What every sender has to send, cut into pieces at random.
    private List<Piece> pieces() {
      var resharding = Resharding.between(from, to);
      var pieces = new ArrayList<Piece>();
      for (int stage = 0; stage < from.stages().size(); stage++) {
        for (int shard = 0; shard < from.shards().size(); shard++) {
          for (var route : resharding.routes(stage, shard)) {
            assertThat(resharding.sources(route.toStage(), route.toShard())).contains(route);
            for (int sequence = 0; sequence < tokens.length; sequence++) {
              cut(route, sequence, pieces);
            }
          }
        }
      }
      return pieces;
    }

    private void cut(Route route, int sequence, List<Piece> pieces) {
      int wireTokens = random.nextInt(4) == 0 ? 1 << random.nextInt(7) : from.blockTokens();
      var layers = route.layers();
      for (int layer = layers.start(), end; layer < layers.end(); layer = end) {
        end = layer + 1 + random.nextInt(layers.end() - layer);
        for (int token = 0, next; token < tokens[sequence]; token = next) {
          next = token + 1 + random.nextInt(tokens[sequence] - token);
          var slice =
              new KvSlice(new LayerRange(layer, end), new TokenRange(token, next), route.heads());
          pieces.add(new Piece(route, sequence, slice, wireTokens));
        }
      }
    }

    private void carry(Piece piece) {
      var bytes = sent(piece);
      var receiver = receiver(piece);
      var regions = receiver.regions(piece);
      var runs = receiver.memory.runs(regions);
      if (runs.isPresent() && random.nextBoolean()) {
        int done = 0;
        for (var run : runs.get()) {
          MemorySegment.copy(bytes, done, run, ValueLayout.JAVA_BYTE, 0, (int) run.byteSize());
          done += (int) run.byteSize();
        }
        assertThat(done).isEqualTo(bytes.length);
      } else {
        receiver.memory.scatter(MemorySegment.ofArray(bytes), regions);
      }
    }

    private byte[] sent(Piece piece) {
      var sender = senders.get(piece.route.fromStage()).get(piece.route.fromShard());
      var regions = sender.regions(piece);
      var runs = sender.memory.runs(regions);
      if (runs.isPresent() && random.nextBoolean()) {
        var bytes = new ByteArrayOutputStream();
        runs.get().forEach(run -> bytes.writeBytes(run.toArray(ValueLayout.JAVA_BYTE)));
        return bytes.toByteArray();
      }
      var bytes = new byte[Math.toIntExact(regions.bytes())];
      sender.memory.gather(regions, MemorySegment.ofArray(bytes));
      return bytes;
    }

    private Worker receiver(Piece piece) {
      return receivers.get(piece.route.toStage()).get(piece.route.toShard());
    }

    private void assertWrittenOnce(List<Piece> pieces) {
      for (int stage = 0; stage < receivers.size(); stage++) {
        for (int shard = 0; shard < receivers.get(stage).size(); shard++) {
          var worker = receivers.get(stage).get(shard);
          var written = new byte[worker.image.length];
          pieces.stream()
              .filter(piece -> receiver(piece) == worker)
              .forEach(
                  piece ->
                      worker
                          .regions(piece)
                          .fragments()
                          .forEach(
                              (offset, length) -> {
                                for (long i = offset; i < offset + length; i++) {
                                  written[(int) i]++;
                                }
                              }));
          long bytes = 0;
          for (int count : tokens) {
            bytes += to.type().bytes(worker.all(count).elements(to.headSize()));
          }
          long once = IntStream.range(0, written.length).filter(i -> written[i] == 1).count();
          long never = IntStream.range(0, written.length).filter(i -> written[i] == 0).count();
          assertThat(once).as("bytes written once").isEqualTo(bytes);
          assertThat(never).as("bytes never written").isEqualTo(written.length - bytes);
        }
      }
    }

    @Override
    public void close() {
      senders.forEach(stage -> stage.forEach(Worker::close));
      receivers.forEach(stage -> stage.forEach(Worker::close));
    }
  }
}
