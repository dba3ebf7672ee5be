package io.dejavu.bench;

import io.dejavu.backend.cpu.CpuKernels;
import io.dejavu.tensor.Activation;
import io.dejavu.tensor.DType;
import io.dejavu.tensor.Kernels;
import io.dejavu.tensor.SampleRow;
import io.dejavu.tensor.Sampling;
import io.dejavu.tensor.Tensor;
import java.util.Arrays;
import java.util.Map;
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

/// The kernels that pass once over their rows, in the shapes of a 1B Llama.
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@SuppressWarnings("NullAway.Init") // JMH calls the method marked Setup first
public class RowBenchmark {
  static final int WIDTH = 2048;
  static final int FEED_FORWARD = 8192;
  static final int VOCABULARY = 128_256;

  /// Rows of the step.
  @Param({"1", "16"})
  public int rows = 1;

  private Kernels kernels;
  private Tensor x;
  private Tensor weight;
  private Tensor normed;
  private Tensor gates;
  private Tensor activated;
  private Tensor logits;
  private Tensor drawn;
  private SampleRow[] greedy;
  private SampleRow[] nucleus;

  /// Random inputs.
  @Setup
  public void fill() {
    kernels = CpuKernels.open(CpuKernels.AUTO, Runtime.getRuntime().availableProcessors());
    var device = kernels.device();
    x = RandomMatrix.tensor(device, rows, WIDTH, 1);
    weight = RandomMatrix.tensor(device, 1, WIDTH, 2);
    normed = device.tensor(DType.F32, rows, WIDTH);
    gates = RandomMatrix.tensor(device, rows, 2 * FEED_FORWARD, 3);
    activated = device.tensor(DType.F32, rows, FEED_FORWARD);
    logits = RandomMatrix.tensor(device, rows, VOCABULARY, 4);
    drawn = device.tensor(DType.I32, 1, rows);
    greedy = rows(Sampling.GREEDY);
    nucleus = rows(new Sampling(0.8f, 0, 0.95f, 0, 1, 0, 0, Map.of()));
  }

  private SampleRow[] rows(Sampling sampling) {
    var all = new SampleRow[rows];
    Arrays.setAll(all, i -> new SampleRow(sampling, 1, i, new int[0], 0, new int[0]));
    return all;
  }

  /// RMS norm of `[rows, 2048]`.
  @Benchmark
  public void rmsNorm() {
    kernels.rmsNorm(x, weight, 1e-5f, normed);
  }

  /// Gated SiLU of `[rows, 2 * 8192]`.
  @Benchmark
  public void gatedSilu() {
    kernels.activateGated(gates, Activation.SILU, activated);
  }

  /// The likeliest of 128,256 tokens.
  @Benchmark
  public void sampleGreedy() {
    kernels.sample(logits, greedy, drawn);
  }

  /// Temperature and top-p over 128,256 tokens.
  @Benchmark
  public void sampleTopP() {
    kernels.sample(logits, nucleus, drawn);
  }

  /// Gives all memory back.
  @TearDown
  public void close() {
    for (var tensor : new Tensor[] {x, weight, normed, gates, activated, logits, drawn}) {
      tensor.buffer().close();
    }
    kernels.close();
  }
}
