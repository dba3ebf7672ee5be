package io.dejavu.bench;

import io.dejavu.backend.cpu.CpuKernels;
import io.dejavu.tensor.Attention;
import io.dejavu.tensor.Buffer;
import io.dejavu.tensor.DType;
import io.dejavu.tensor.Kernels;
import io.dejavu.tensor.KvCache;
import io.dejavu.tensor.RaggedBatch;
import io.dejavu.tensor.Tensor;
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

/// Attention of one sequence in a layer of a 1B Llama: 32 query heads over 8 kv heads of 64.
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@SuppressWarnings("NullAway.Init") // JMH calls the method marked Setup first
public class AttentionBenchmark {
  static final int HEADS = 32;
  static final int KV_HEADS = 8;
  static final int HEAD_SIZE = 64;
  private static final int BLOCK_TOKENS = 16;

  /// New tokens and the whole context, theirs included: a prompt, and a decode step late in it.
  @Param({"512/512", "1/512", "1/8192"})
  public String shape = "512/512";

  /// What keys and values are stored in.
  @Param({"F32", "BF16"})
  public DType type = DType.F32;

  private Kernels kernels;
  private Tensor q;
  private Tensor out;
  private Buffer blocks;
  private KvCache cache;
  private RaggedBatch batch;

  static int tokens(String shape) {
    return Integer.parseInt(shape, 0, shape.indexOf('/'), 10);
  }

  static int context(String shape) {
    return Integer.parseInt(shape, shape.indexOf('/') + 1, shape.length(), 10);
  }

  /// Fills the cache.
  @Setup
  public void fill() {
    kernels = CpuKernels.open(CpuKernels.AUTO, Runtime.getRuntime().availableProcessors());
    var device = kernels.device();
    var tokens = tokens(shape);
    var context = context(shape);
    var width = KV_HEADS * HEAD_SIZE;
    var blockBytes = 2L * BLOCK_TOKENS * type.bytes(width);
    blocks = device.allocate(context / BLOCK_TOKENS * blockBytes);
    cache = new KvCache(blocks, 0, blockBytes, type, KV_HEADS, BLOCK_TOKENS, HEAD_SIZE);
    var all = device.ints(IntStream.range(0, context).toArray());
    var keys = RandomMatrix.tensor(device, context, width, 1);
    var values = RandomMatrix.tensor(device, context, width, 2);
    kernels.append(keys, values, all, cache);
    var newest = device.ints(IntStream.range(context - tokens, context).toArray());
    batch =
        new RaggedBatch(
            1,
            tokens,
            context,
            device.ints(0, tokens),
            device.ints(context),
            device.ints(IntStream.range(0, context / BLOCK_TOKENS).toArray()),
            newest,
            newest);
    q = RandomMatrix.tensor(device, tokens, HEADS * HEAD_SIZE, 3);
    out = device.tensor(DType.F32, tokens, HEADS * HEAD_SIZE);
  }

  /// All heads of one layer.
  @Benchmark
  public void attention() {
    kernels.attention(q, cache, batch, new Attention(HEADS, 0.125f, 0, null), out);
  }

  /// Gives the large memory back.
  @TearDown
  public void close() {
    q.buffer().close();
    out.buffer().close();
    blocks.close();
    kernels.close();
  }
}
