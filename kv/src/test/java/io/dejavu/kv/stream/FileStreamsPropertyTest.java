package io.dejavu.kv.stream;

import static org.assertj.core.api.Assertions.assertThat;

import io.dejavu.kv.HeadRange;
import io.dejavu.kv.KvLayout;
import io.dejavu.kv.KvMemory;
import io.dejavu.kv.KvSlice;
import io.dejavu.kv.LayerRange;
import io.dejavu.kv.PlainKv;
import io.dejavu.kv.Regions;
import io.dejavu.kv.TokenRange;
import io.dejavu.kv.disk.KvFile;
import io.dejavu.tensor.DType;
import io.dejavu.tensor.HostDevice;
import io.dejavu.transport.Deadline;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// Sequences are streamed into a file in any order while the process restarts and the file is
/// damaged: whatever is read back is what was written last, to the bit. More seeds:
/// `-Ddejavu.files.seeds=5000`.
@Timeout(300)
class FileStreamsPropertyTest {
  private static final int SEEDS = Integer.getInteger("dejavu.files.seeds", 100);
  private static final int FIRST_SEED = Integer.getInteger("dejavu.files.first", 0);

  @TempDir private Path directory;

  @Test
  void whateverHappensToTheFileWhatIsReadIsWhatWasWritten() throws Exception {
    var all = new Tally();
    for (int seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
      var path = directory.resolve("streams");
      try (var life = new Life(seed, path, all)) {
        life.run();
      } catch (RuntimeException | AssertionError e) {
        throw new AssertionError("seed " + seed, e);
      }
      Files.delete(path);
    }

    // What is to be tested does happen.
    assertThat(all.finished).isGreaterThan(SEEDS);
    assertThat(all.restarts).isGreaterThan(SEEDS);
    assertThat(all.continued).isGreaterThan(SEEDS);
    assertThat(all.branched).isGreaterThan(SEEDS / 20);
    assertThat(all.lost).isGreaterThan(SEEDS / 20);
  }

  private static final class Tally {
    int finished;
    int restarts;
    int continued;
    int branched;
    int lost;
  }

  /// A sequence, and which of its contents each token has, in each epoch: where it goes on, others
  /// may come than those that were there.
  private static final class Sequence {
    final long request;
    final int tokens;
    final int[] blocks;
    final Map<Integer, int[]> versions = new HashMap<>();
    final List<Pending.Area> steps = new ArrayList<>();
    int epoch = -1;
    int declared;
    KvStream stream;

    Sequence(long request, int tokens, int[] blocks) {
      this.request = request;
      this.tokens = tokens;
      this.blocks = blocks;
      versions.put(-1, new int[tokens]);
    }
  }

  private static final class Life implements AutoCloseable {
    private final SplittableRandom random;
    private final Path path;
    private final Tally tally;
    private final KvLayout layout;
    private final KvMemory memory;
    private final byte[] image;
    private final List<Sequence> sequences = new ArrayList<>();
    private KvFileStreams file;
    // What is found of a damaged record may be found again: only reading it tells.
    private boolean wasDamaged;

    Life(long seed, Path path, Tally tally) throws IOException {
      this.random = new SplittableRandom(seed);
      this.path = path;
      this.tally = tally;
      int layer = random.nextInt(3);
      int head = random.nextInt(3);
      int blockTokens = 1 << random.nextInt(5);
      int[] tokens = IntStream.range(0, 1 + random.nextInt(4)).map(_ -> between(1, 150)).toArray();
      int blocks = Arrays.stream(tokens).map(t -> KvLayout.blocksFor(t, blockTokens)).sum();
      layout =
          new KvLayout(
              new LayerRange(layer, layer + between(1, 5)),
              blocks + 3,
              new HeadRange(head, head + between(1, 3)),
              blockTokens,
              between(1, 20),
              random.nextBoolean() ? DType.F32 : DType.BF16);
      memory = KvMemory.open(new HostDevice(), layout);
      image = new byte[Math.toIntExact(layout.bytes())];
      var free = shuffled(layout.blocks());
      for (int i = 0; i < tokens.length; i++) {
        int count = KvLayout.blocksFor(tokens[i], blockTokens);
        sequences.add(new Sequence(100 + i, tokens[i], Arrays.copyOf(free, count)));
        free = Arrays.copyOfRange(free, count, free.length);
      }
      file = open();
    }

    private KvFileStreams open() throws IOException {
      long bytes = 4000 * KvFile.slotBytes(layout.blockBytes());
      return KvFileStreams.open(path, "model", layout, bytes, KvStreamListener.NONE);
    }

    private int between(int least, int most) {
      return least + random.nextInt(most - least + 1);
    }

    private int[] shuffled(int count) {
      var all = IntStream.range(0, count).toArray();
      for (int i = count; i > 1; i--) {
        int j = random.nextInt(i);
        int was = all[i - 1];
        all[i - 1] = all[j];
        all[j] = was;
      }
      return all;
    }

    void run() throws Exception {
      for (var sequence : sequences) {
        begin(sequence, 0, -1);
      }
      for (int lives = between(0, 3); lives > 0; lives--) {
        post(true);
        restart();
      }
      post(false);
      for (var sequence : sequences) {
        assertThat(sequence.stream.await(Deadline.in(Duration.ofSeconds(60))))
            .isEqualTo(new KvOutcome.Done(sequence.tokens));
        assertThat(sequence.stream.committed()).isEqualTo(sequence.tokens);
        assertThat(read(sequence)).isEqualTo(sequence.tokens);
        tally.finished++;
      }
      for (var sequence : sequences) {
        file.drop(sequence.request);
      }
      assertThat(file.freeSlots()).isEqualTo(4000);
      assertThat(file.onDisk()).isEmpty();
    }

    /// Computes the tokens from `start` on, in another way than before, and posts them to a new
    /// stream.
    private void begin(Sequence sequence, int start, int before) {
      sequence.epoch += between(1, 3);
      sequence.declared = start;
      var version = sequence.versions.get(before).clone();
      Arrays.fill(version, start, sequence.tokens, sequence.epoch);
      sequence.versions.put(sequence.epoch, version);
      for (int token = start; token < sequence.tokens; token++) {
        PlainKv.write(image, layout, sequence.blocks, slice(token), name(sequence, sequence.epoch));
      }
      PlainKv.fill(memory, image);
      sequence.stream =
          file.offer(
              KvOffer.all(sequence.request, sequence.epoch, layout, sequence.tokens).from(start),
              memory);
      sequence.stream.blocks(sequence.blocks);
      sequence.steps.clear();
      steps(sequence, start);
    }

    private KvSlice slice(int token) {
      return new KvSlice(layout.layers(), new TokenRange(token, token + 1), layout.heads());
    }

    private static long name(Sequence sequence, int version) {
      return sequence.request * 1000 + version;
    }

    /// Chunks layer by layer, steps of one token, or whatever comes, in an order with some luck.
    private void steps(Sequence sequence, int start) {
      var layers = layout.layers();
      for (int token = start, end; token < sequence.tokens; token = end) {
        boolean isStep = random.nextInt(3) > 0;
        end = Math.min(sequence.tokens, token + (isStep ? 1 : between(1, 80)));
        var tokens = new TokenRange(token, end);
        for (int layer = layers.start(), next; layer < layers.end(); layer = next) {
          next = isStep ? layers.end() : Math.min(layers.end(), layer + between(1, 2));
          sequence.steps.add(new Pending.Area(new LayerRange(layer, next), tokens));
        }
      }
      if (random.nextInt(3) == 0) {
        for (int i = sequence.steps.size(); i > 1; i--) {
          int other = Math.max(0, i - 1 - random.nextInt(8));
          sequence.steps.add(other, sequence.steps.remove(i - 1));
        }
      }
    }

    /// @param stops whether it ends somewhere in the middle
    private void post(boolean stops) throws InterruptedException {
      int left = sequences.stream().mapToInt(each -> each.steps.size()).sum();
      int last = stops ? random.nextInt(left + 1) : 0;
      while (left > last) {
        var sequence = sequences.get(random.nextInt(sequences.size()));
        if (sequence.steps.isEmpty()) {
          continue;
        }
        var step = sequence.steps.removeFirst();
        left--;
        sequence.stream.send(step.layers(), step.tokens());
        if (random.nextInt(3) == 0) {
          sequence.declared = posted(sequence);
          sequence.stream.commit(sequence.declared);
        }
        if (sequence.steps.isEmpty()) {
          sequence.stream.finish(sequence.tokens);
        }
        if (random.nextInt(3) == 0) {
          file.flush();
        }
        if (random.nextInt(50) == 0) {
          Thread.sleep(0, 300_000);
        }
      }
      if (stops && random.nextInt(3) > 0) {
        awaitBlocks();
      }
    }

    /// Whatever blocks are full and count will be there, though nothing comes after them.
    private void awaitBlocks() throws InterruptedException {
      file.flush();
      for (var sequence : sequences) {
        int blocks = sequence.declared - sequence.declared % layout.blockTokens();
        while (sequence.stream.committed() < blocks) {
          assertThat(sequence.stream.outcome()).isNull();
          Thread.sleep(1); // The class's time-out ends it.
        }
      }
    }

    /// Tokens before the first one that is still to be posted.
    private static int posted(Sequence sequence) {
      return sequence.steps.stream()
          .mapToInt(step -> step.tokens().start())
          .min()
          .orElse(sequence.tokens);
    }

    private void restart() throws IOException {
      file.close();

      boolean damaged = random.nextInt(3) == 0 && damage();
      wasDamaged |= damaged;
      file = open();
      tally.restarts++;
      for (var sequence : sequences) {
        int there = onDisk(sequence).tokens();
        assertThat(there)
            .as("%s after %s, damaged %b", onDisk(sequence), sequence.stream, wasDamaged)
            .isGreaterThanOrEqualTo(damaged ? 0 : sequence.stream.committed());
        int epoch = onDisk(sequence).epoch();
        int whole = read(sequence);
        assertThat(whole).isLessThanOrEqualTo(there).isGreaterThanOrEqualTo(wasDamaged ? 0 : there);
        assertThat(onDisk(sequence).tokens()).isEqualTo(whole);
        tally.lost += whole < there ? 1 : 0;
        int start = random.nextBoolean() ? whole : random.nextInt(whole + 1);
        tally.continued += start > 0 ? 1 : 0;
        tally.branched += start > 0 && start < whole ? 1 : 0;
        begin(sequence, Math.min(start, sequence.tokens - 1), epoch);
      }
    }

    /// Flips some bits, and perhaps cuts the end off.
    private boolean damage() throws IOException {
      try (var raw = FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
        if (raw.size() == 0) {
          return false;
        }
        var one = ByteBuffer.allocate(1);
        for (int i = between(1, 6); i > 0; i--) {
          long at = random.nextLong(raw.size());
          raw.read(one.clear(), at);
          one.put(0, (byte) (one.get(0) ^ 1 << random.nextInt(8)));
          raw.write(one.flip(), at);
        }
        if (random.nextInt(4) == 0) {
          raw.truncate(random.nextLong(raw.size()));
        }
        raw.force(true); // It is read and written around the page cache afterwards.
      }
      return true;
    }

    private KvFileStreams.OnDisk onDisk(Sequence sequence) {
      return file.onDisk().stream()
          .filter(each -> each.request() == sequence.request)
          .findFirst()
          .orElse(new KvFileStreams.OnDisk(sequence.request, -1, 0));
    }

    /// Reads it into other blocks, perhaps of another size, and compares every byte.
    private int read(Sequence sequence) {
      int blockTokens = 1 << random.nextInt(6);
      int count = KvLayout.blocksFor(sequence.tokens, blockTokens);
      var other =
          new KvLayout(
              layout.layers(),
              count + 2,
              layout.heads(),
              blockTokens,
              layout.headSize(),
              layout.type());
      try (var copy = KvMemory.open(new HostDevice(), other)) {
        var blocks = Arrays.copyOf(shuffled(count + 2), count);
        var version = sequence.versions.get(onDisk(sequence).epoch());
        int whole = file.read(sequence.request, copy, blocks);
        for (int token = 0; token < whole; token++) {
          var regions = Regions.of(other, blocks, slice(token), 1);
          var bytes = new byte[Math.toIntExact(regions.bytes())];
          copy.gather(regions, MemorySegment.ofArray(bytes));
          assertThat(bytes)
              .as("token %d of %d of %d", token, whole, sequence.tokens)
              .isEqualTo(PlainKv.wire(slice(token), layout, 1, name(sequence, version[token])));
        }
        return whole;
      }
    }

    @Override
    public void close() {
      file.close();
      memory.close();
    }
  }
}
