package io.dejavu.bench;

import io.dejavu.backend.cpu.CpuKernels;
import io.dejavu.tensor.DType;
import io.dejavu.tensor.Kernels;
import io.dejavu.tensor.MatrixFormat;
import io.dejavu.tensor.PackedMatrix;
import io.dejavu.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/// `y = x Wᵀ` with `W` `[8192, 2048]`, the largest matrix of a layer of a 1B Llama. Weights come
/// from DRAM: calls go round over more of them than any cache holds.
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@SuppressWarnings("NullAway.Init") // JMH calls the method marked Setup first
public class LinearBenchmark {
  static final int OUTPUTS = 8192;
  static final int INPUTS = 2048;
  private static final long POOL_BYTES = 256L << 20;

  /// Which family of kernels.
  @Param({"auto", "java"})
  public String family = "auto";

  /// How the weights are stored and multiplied.
  @Param({"f32", "f16", "bf16", "bf16*bf16", "i8:128*i8", "i4:32*i8"})
  public String format = "f32";

  /// Rows of `x`: sequences that decode together, or a prompt's chunk.
  @Param({"1", "8", "16", "512"})
  public int rows = 1;

  private Kernels kernels;
  private final List<PackedMatrix> weights = new ArrayList<>();
  private Tensor x;
  private Tensor y;
  private int next;

  /// Packs the weights.
  @Setup
  public void pack() {
    kernels = CpuKernels.open(family, Runtime.getRuntime().availableProcessors());
    var wanted = formatNamed(format);
    do {
      weights.add(kernels.pack(new RandomMatrix(OUTPUTS, INPUTS, weights.size()), wanted));
    } while (weights.size() * weights.getFirst().bytes() < POOL_BYTES);
    x = RandomMatrix.tensor(kernels.device(), rows, INPUTS, 7);
    y = kernels.device().tensor(DType.F32, rows, OUTPUTS);
  }

  /// One product.
  @Benchmark
  public void linear() {
    kernels.linear(x, weights.get(next++ % weights.size()), null, y, false);
  }

  /// Gives all memory back.
  @TearDown
  public void close() {
    weights.forEach(PackedMatrix::close);
    x.buffer().close();
    y.buffer().close();
    kernels.close();
  }

  static MatrixFormat formatNamed(String name) {
    return switch (name) {
      case "f32" -> MatrixFormat.F32;
      case "f16" -> MatrixFormat.F16;
      case "bf16" -> MatrixFormat.BF16;
      case "bf16*bf16" -> MatrixFormat.BF16_BF16;
      case "i8:128*i8" -> new MatrixFormat(DType.I8, DType.I8, 128);
      case "i8:32*i8" -> new MatrixFormat(DType.I8, DType.I8, 32);
      case "i4:32*i8" -> new MatrixFormat(DType.I4, DType.I8, 32);
      case "i4:128*i8" -> new MatrixFormat(DType.I4, DType.I8, 128);
      default -> throw new IllegalArgumentException("no format " + name);
    };
  }
}
