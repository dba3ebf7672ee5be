package io.dejavu.backend.cpu;

import static io.dejavu.backend.cpu.JavaMatrix.PANEL;
import static io.dejavu.backend.cpu.Memory.ALL;
import static io.dejavu.backend.cpu.VectorMath.F;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.LSHL;

import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/// Panels of quantised weights as panels of floats `[K][PANEL]`, for products with many rows.
final class Widening {
  private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;
  private static final VectorSpecies<Integer> I = IntVector.SPECIES_PREFERRED;
  private static final int V = F.vectorByteSize();
  private static final int ROW = 4 * PANEL;

  private Widening() {}

  /// Writes the scales of all groups, `[groups][PANEL]`, and behind them the weights' integers.
  static void panel(JavaMatrix matrix, long panel, long to) {
    var groups = matrix.groups();
    var group = matrix.format().group();
    switch (matrix.format().weights()) {
      case I8 -> {
        for (int g = 0; g < groups; g++) {
          var from = matrix.group(panel, g);
          Memory.copy(from, to + (long) g * ROW, ROW);
          octets(from + ROW, group, to + (groups + (long) g * group) * ROW);
        }
      }
      case I4 -> {
        for (int g = 0; g < groups; g++) {
          var from = matrix.group(panel, g);
          Memory.copy(from, to + (long) g * ROW, ROW);
          nibbles(from + ROW, group, to + (groups + (long) g * group) * ROW);
        }
      }
      case F32, F16, BF16, I32 -> throw new AssertionError(matrix.format());
    }
  }

  private static void octets(long from, int k, long to) {
    for (int i = 0; i < k; i += 4) {
      for (int v = 0; v < ROW; v += V) {
        var quad = IntVector.fromMemorySegment(I, ALL, from + v, LE);
        store(quad.lanewise(LSHL, 24).lanewise(ASHR, 24), to + v);
        store(quad.lanewise(LSHL, 16).lanewise(ASHR, 24), to + ROW + v);
        store(quad.lanewise(LSHL, 8).lanewise(ASHR, 24), to + 2L * ROW + v);
        store(quad.lanewise(ASHR, 24), to + 3L * ROW + v);
      }
      from += ROW;
      to += 4L * ROW;
    }
  }

  private static void nibbles(long from, int k, long to) {
    for (int i = 0; i < k; i += 8) {
      for (int v = 0; v < ROW; v += V) {
        var eight = IntVector.fromMemorySegment(I, ALL, from + v, LE);
        store(eight.lanewise(LSHL, 28).lanewise(ASHR, 28), to + v);
        store(eight.lanewise(LSHL, 24).lanewise(ASHR, 28), to + ROW + v);
        store(eight.lanewise(LSHL, 20).lanewise(ASHR, 28), to + 2L * ROW + v);
        store(eight.lanewise(LSHL, 16).lanewise(ASHR, 28), to + 3L * ROW + v);
        store(eight.lanewise(LSHL, 12).lanewise(ASHR, 28), to + 4L * ROW + v);
        store(eight.lanewise(LSHL, 8).lanewise(ASHR, 28), to + 5L * ROW + v);
        store(eight.lanewise(LSHL, 4).lanewise(ASHR, 28), to + 6L * ROW + v);
        store(eight.lanewise(ASHR, 28), to + 7L * ROW + v);
      }
      from += ROW;
      to += 8L * ROW;
    }
  }

  private static void store(IntVector integers, long address) {
    ((FloatVector) integers.convert(VectorOperators.I2F, 0)).intoMemorySegment(ALL, address, LE);
  }
}
