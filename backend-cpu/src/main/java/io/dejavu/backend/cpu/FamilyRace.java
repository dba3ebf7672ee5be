package io.dejavu.backend.cpu;

import io.dejavu.tensor.DType;
import io.dejavu.tensor.MatrixFormat;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.List;

/// Which family is the fastest here, by a measurement of some 30 ms on one thread: that a CPU has
/// an instruction does not say that it pays. (On one Xeon `vdpbf16ps` is half as fast as f32 FMA,
/// on Zen 5 twice as fast.)
final class FamilyRace {
  private static final int COLUMNS = 512;
  private static final int ROUNDS = 3;
  private static final long ROUND_NANOS = 1_500_000;

  /// What one family reached, in products of two numbers per nanosecond.
  ///
  /// @param bf16 bf16 weights and activations
  /// @param int8 int8 weights and activations, groups of 32
  record Result(KernelFamily family, double bf16, double int8) {
    /// Of a model half of which is in each format.
    double together() {
      return 1 / (1 / bf16 + 1 / int8);
    }
  }

  private FamilyRace() {}

  /// All families that the machine can run, the fastest first.
  static List<Result> run(CpuFeatures machine) {
    var results = new ArrayList<Result>();
    for (var family : EnumSet.allOf(KernelFamily.class)) {
      if (family.missing(machine).isEmpty()) {
        var int8 = rate(family, new MatrixFormat(DType.I8, DType.I8, 32));
        results.add(new Result(family, rate(family, MatrixFormat.BF16_BF16), int8));
      }
    }
    results.sort(Comparator.comparingDouble(Result::together).reversed());
    return results;
  }

  /// Runs the largest tile over one panel of zeros in the second-level cache.
  private static double rate(KernelFamily family, MatrixFormat format) {
    var layout = family.layout(format);
    var rows = family.maxRows(format);
    var emitted = family.tile(format, rows, 0).emit();
    var stride = family.staging(format).bytes(COLUMNS, format.group()) + 64L;
    try (var code = new CodeMemory();
        var arena = Arena.ofConfined()) {
      var start = code.add(emitted.code()).asSlice(emitted.start());
      var x = arena.allocate(rows * stride, 64).address();
      var panel = arena.allocate((long) layout.steps(COLUMNS) * layout.stepBytes(), 64).address();
      var sums = arena.allocate(4L * rows * layout.width(), 64).address();
      var best = 0.0;
      for (int round = 0; round < ROUNDS; round++) {
        var begin = System.nanoTime();
        var nanos = 0L;
        var calls = 0;
        do {
          CodeMemory.call(start, x, stride, panel, layout.steps(COLUMNS), sums, panel);
          calls++;
          nanos = System.nanoTime() - begin;
        } while (nanos < ROUND_NANOS);
        best = Math.max(best, (double) calls * rows * layout.width() * COLUMNS / nanos);
      }
      return best;
    }
  }
}
