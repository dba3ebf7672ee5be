package io.dejavu.bench;

import io.dejavu.kv.HeadRange;
import io.dejavu.kv.KvLayout;
import io.dejavu.kv.KvMemory;
import io.dejavu.kv.KvSlice;
import io.dejavu.kv.LayerRange;
import io.dejavu.kv.Regions;
import io.dejavu.kv.TokenRange;
import io.dejavu.tensor.DType;
import io.dejavu.tensor.HostBuffer;
import io.dejavu.tensor.HostDevice;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/// What it costs to collect the pieces of a slice in one buffer, beside one copy of as many bytes
/// that lie together, and beside a copy of its own for each row of a head.
///
/// Sequences have 512 tokens in blocks that lie scattered over a memory much larger than caches.
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@SuppressWarnings("NullAway.Init") // JMH calls the method marked Setup first
public class KvPackingBenchmark {
  private static final int TOKENS = 512;
  private static final long MEMORY = 1L << 30;

  /// Layers, kv heads, head size and type of OPT-125M and of Llama 3 8B.
  public enum Shape {
    OPT_125M(12, 12, 64, DType.F32),
    LLAMA_8B(32, 8, 128, DType.BF16);

    private final KvLayout layout;

    Shape(int layers, int kvHeads, int headSize, DType type) {
      var one =
          new KvLayout(new LayerRange(0, layers), 1, HeadRange.all(kvHeads), 16, headSize, type);
      layout = one.withBlocks((int) (MEMORY / one.blockBytes()));
    }
  }

  @Param public Shape shape = Shape.OPT_125M;

  /// What is moved: the last token of each of so many sequences, as after a step; a prompt in the
  /// receiver's block size; a prompt for blocks twice as large; half of its heads.
  @Param({"1 token", "16 tokens", "64 tokens", "prompt", "prompt; W=32", "prompt; half the heads"})
  public String what = "16 tokens";

  private final HostDevice device = new HostDevice();
  private final List<int[]> tables = new ArrayList<>();
  private KvMemory memory;
  private HostBuffer together;
  private HostBuffer staging;
  private KvSlice slice;
  private int wireTokens = 16;

  /// Memory that was written to, and block tables.
  @Setup
  public void open() {
    memory = KvMemory.open(device, shape.layout);
    var layout = memory.layout();
    HostDevice.segment(memory.cache(0).buffer()).fill((byte) 1);
    var blocks = new ArrayList<>(IntStream.range(0, layout.blocks()).boxed().toList());
    Collections.shuffle(blocks, new Random(1));
    int its = KvLayout.blocksFor(TOKENS, layout.blockTokens());
    boolean delta = what.contains("token");
    int sequences = delta ? Integer.parseInt(what.split(" ", 2)[0]) : 1;
    for (int i = 0; i < sequences; i++) {
      // Few sequences of many tokens share blocks where there are not enough.
      int at = i * its % (blocks.size() - its + 1);
      tables.add(blocks.subList(at, at + its).stream().mapToInt(b -> b).toArray());
    }
    var heads = layout.heads();
    if (what.endsWith("half the heads")) {
      heads = new HeadRange(0, heads.count() / 2);
    }
    if (what.endsWith("W=32")) {
      wireTokens = 32;
    }
    slice = new KvSlice(layout.layers(), new TokenRange(delta ? TOKENS - 1 : 0, TOKENS), heads);
    long bytes = layout.type().bytes(slice.elements(layout.headSize()));
    together = device.allocate(sequences * bytes);
    staging = device.allocate(sequences * bytes);
    together.segment().fill((byte) 1);
    staging.segment().fill((byte) 1);
  }

  /// Finds the pieces and packs them.
  @Benchmark
  public void packed() {
    long done = 0;
    for (int[] table : tables) {
      var regions = Regions.of(memory.layout(), table, slice, wireTokens);
      memory.gather(regions, staging.segment().asSlice(done, regions.bytes()));
      done += regions.bytes();
    }
  }

  /// Finds the pieces and spreads the bytes over them.
  @Benchmark
  public void unpacked() {
    long done = 0;
    for (int[] table : tables) {
      var regions = Regions.of(memory.layout(), table, slice, wireTokens);
      memory.scatter(staging.segment().asSlice(done, regions.bytes()), regions);
      done += regions.bytes();
    }
  }

  /// Finds the pieces only.
  @Benchmark
  public long found() {
    long sum = 0;
    for (int[] table : tables) {
      sum += Regions.of(memory.layout(), table, slice, wireTokens).bytes();
    }
    return sum;
  }

  /// The limit: as many bytes that lie together.
  @Benchmark
  public void oneCopy() {
    MemorySegment.copy(together.segment(), 0, staging.segment(), 0, together.bytes());
  }

  /// Row by row, each as a transfer of its own.
  @Benchmark
  public void rowByRow() {
    var layout = memory.layout();
    long row = layout.type().bytes(layout.headSize());
    var buffer = memory.cache(0).buffer();
    long done = 0;
    for (int[] table : tables) {
      for (int layer = 0; layer < layout.layers().count(); layer++) {
        for (int token = slice.tokens().start(); token < slice.tokens().end(); token++) {
          int slot = token % layout.blockTokens();
          long block = layout.offset(layer, table[token / layout.blockTokens()]);
          for (int head = 0; head < 2 * slice.heads().count(); head++) {
            long offset = block + ((long) head * layout.blockTokens() + slot) * row;
            device.download(buffer, offset, staging.segment().asSlice(done, row));
            done += row;
          }
        }
      }
    }
  }

  /// Gives all memory back.
  @TearDown
  public void close() {
    memory.close();
    together.close();
    staging.close();
  }
}
