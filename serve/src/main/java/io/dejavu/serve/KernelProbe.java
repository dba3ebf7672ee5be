package io.dejavu.serve;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import io.dejavu.backend.cpu.CpuKernels;
import io.dejavu.tensor.DType;
import io.dejavu.tensor.Kernels;
import io.dejavu.tensor.MatrixFormat;
import io.dejavu.tensor.MatrixSource;
import io.dejavu.tensor.Tensor;
import java.lang.foreign.Arena;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/// A short measurement of matrix products: how fast weights stream past one row (generation) and
/// how fast they meet many rows (prompts).
final class KernelProbe {
  private static final int SIZE = 4096;
  private static final int MANY = 64;
  private static final Duration TIME = Duration.ofMillis(500);
  private static final Map<String, MatrixFormat> FORMATS = formats();

  private KernelProbe() {}

  /// @param gigabytesPerSecond of weights, with one row
  /// @param gigaflops with 64 rows, a multiplication and an addition counted as two
  record Speed(String format, double gigabytesPerSecond, double gigaflops) {
    @Override
    public String toString() {
      return String.format(
          Locale.ROOT, "%-5s %6.1f GB/s %8.0f GFLOP/s", format, gigabytesPerSecond, gigaflops);
    }
  }

  static List<Speed> measure(String family, int threads) {
    var speeds = new ArrayList<Speed>();
    var kernels = CpuKernels.open(family, threads);
    try {
      FORMATS.forEach((name, format) -> speeds.add(measure(kernels, name, format)));
    } finally {
      kernels.close();
    }
    return speeds;
  }

  private static Speed measure(Kernels kernels, String name, MatrixFormat format) {
    try (var weights = kernels.pack(new Ramp(), format);
        var in = kernels.device().allocate(4L * MANY * SIZE);
        var out = kernels.device().allocate(4L * MANY * SIZE)) {
      try (var arena = Arena.ofConfined()) {
        var values = arena.allocate(JAVA_FLOAT, (long) MANY * SIZE);
        for (int i = 0; i < MANY * SIZE; i++) {
          values.setAtIndex(JAVA_FLOAT, i, (i % 17) / 17f);
        }
        kernels.device().upload(values, in, 0);
      }
      var x = Tensor.of(in, DType.F32, MANY, SIZE);
      var y = Tensor.of(out, DType.F32, MANY, SIZE);
      double one = best(() -> kernels.linear(x.rows(0, 1), weights, null, y.rows(0, 1), false));
      double many = best(() -> kernels.linear(x, weights, null, y, false));
      double products = (double) SIZE * SIZE;
      return new Speed(
          name,
          format.weights().bytes((long) products) / one / 1e9,
          2 * MANY * products / many / 1e9);
    }
  }

  /// Seconds of the fastest run; the first ones are for the compiler.
  private static double best(Runnable product) {
    long best = Long.MAX_VALUE;
    long start = System.nanoTime();
    for (int i = 0; i < 5 || System.nanoTime() - start < TIME.toNanos(); i++) {
      long begin = System.nanoTime();
      product.run();
      best = Math.min(best, System.nanoTime() - begin);
    }
    return best / 1e9;
  }

  private static Map<String, MatrixFormat> formats() {
    var formats = new LinkedHashMap<String, MatrixFormat>();
    formats.put("bf16", MatrixFormat.BF16_BF16);
    formats.put("int8", new MatrixFormat(DType.I8, DType.I8, 128));
    return formats;
  }

  /// Some numbers.
  private static final class Ramp implements MatrixSource {
    @Override
    public int rows() {
      return SIZE;
    }

    @Override
    public int columns() {
      return SIZE;
    }

    @Override
    public void read(int row, float[] target, int offset) {
      for (int i = 0; i < SIZE; i++) {
        target[offset + i] = ((row + i) % 31 - 15) / 15f;
      }
    }
  }
}
