package io.dejavu.backend.cpu;

import io.dejavu.tensor.DType;
import io.dejavu.tensor.MatrixFormat;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;

/// Which family is the fastest here, by a measurement of some tens of milliseconds on one thread:
/// that a CPU has an instruction does not say that it pays. (On one Xeon `vdpbf16ps` is half as
/// fast as f32 FMA, on Zen 5 twice as fast.)
final class FamilyRace {
  private static final int COLUMNS = 512;
  private static final int ROUNDS = 16;
  private static final long ROUND_NANOS = 250_000;

  /// How much faster another family must be than one before it in {@link KernelFamily}. Families
  /// differ in their bits, so a server that starts again should choose the same.
  private static final double CLEARLY = 1.15;

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
    try (var arena = Arena.ofConfined();
        var code = new CodeMemory()) {
      var runners = new ArrayList<Runner>();
      for (var family : EnumSet.allOf(KernelFamily.class)) {
        if (family.missing(machine).isEmpty()) {
          runners.add(new Runner(family, code, arena));
        }
      }
      // In turn, so that a neighbour who takes the core for a while slows all of them.
      for (int round = 0; round < ROUNDS; round++) {
        runners.forEach(Runner::round);
      }
      return ranked(runners.stream().map(Runner::result).toList());
    }
  }

  /// The fastest first, where of two that differ little the one that came first stays first.
  static List<Result> ranked(List<Result> results) {
    var left = new ArrayList<>(results);
    var ranked = new ArrayList<Result>();
    while (!left.isEmpty()) {
      var best = left.getFirst();
      for (var other : left) {
        if (other.together() > CLEARLY * best.together()) {
          best = other;
        }
      }
      left.remove(best);
      ranked.add(best);
    }
    return ranked;
  }

  /// One family on its track: the largest tile of each format over one panel of zeros that fits
  /// into the second-level cache.
  private static final class Runner {
    private final KernelFamily family;
    private final Track bf16;
    private final Track int8;

    Runner(KernelFamily family, CodeMemory code, Arena arena) {
      this.family = family;
      this.bf16 = new Track(family, MatrixFormat.BF16_BF16, code, arena);
      this.int8 = new Track(family, new MatrixFormat(DType.I8, DType.I8, 32), code, arena);
    }

    void round() {
      bf16.run();
      int8.run();
    }

    Result result() {
      return new Result(family, bf16.best, int8.best);
    }
  }

  private static final class Track {
    private final int rows;
    private final PanelLayout layout;
    private final MemorySegment start;
    private final long stride;
    private final long x;
    private final long panel;
    private final long sums;
    private double best;

    Track(KernelFamily family, MatrixFormat format, CodeMemory code, Arena arena) {
      layout = family.layout(format);
      rows = family.maxRows(format);
      var emitted = family.tile(format, rows, 0).emit();
      start = code.add(emitted.code()).asSlice(emitted.start());
      stride = family.staging(format).bytes(COLUMNS, format.group()) + 64L;
      x = arena.allocate(rows * stride, 64).address();
      panel = arena.allocate((long) layout.steps(COLUMNS) * layout.stepBytes(), 64).address();
      sums = arena.allocate(4L * rows * layout.width(), 64).address();
    }

    void run() {
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
  }
}
