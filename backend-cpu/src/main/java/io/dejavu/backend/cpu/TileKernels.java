package io.dejavu.backend.cpu;

import static io.dejavu.backend.cpu.Memory.ALL;
import static io.dejavu.backend.cpu.VectorMath.F;

import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;

/// What surrounds a panel kernel: rows into blocks, tiles into rows.
final class TileKernels {
  private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;
  private static final int L = F.length();

  private TileKernels() {}

  /// `out = tile + bias` or `out += tile + bias`, of `n` elements.
  ///
  /// @param bias 0: none
  static void write(long tile, long bias, long out, int n, boolean accumulate) {
    for (int i = 0; i < n; i += L) {
      var in = F.indexInRange(i, n);
      var y = FloatVector.fromMemorySegment(F, ALL, tile + 4L * i, LE, in);
      if (bias != 0) {
        y = y.add(FloatVector.fromMemorySegment(F, ALL, bias + 4L * i, LE, in));
      }
      if (accumulate) {
        y = FloatVector.fromMemorySegment(F, ALL, out + 4L * i, LE, in).add(y);
      }
      y.intoMemorySegment(ALL, out + 4L * i, LE, in);
    }
  }

  static void zero(long address, int n) {
    int i = 0;
    for (; i <= n - L; i += L) {
      FloatVector.zero(F).intoMemorySegment(ALL, address + 4L * i, LE);
    }
    for (; i < n; i++) {
      Memory.set(address + 4L * i, 0f);
    }
  }

  /// `to[k, r] = from[r, k]` for 8 rows.
  static void interleave8(long from, long stride, int n, long to) {
    for (int k = 0; k < n; k++) {
      var row = from + 4L * k;
      var block = to + 32L * k;
      Memory.set(block, Memory.real(row));
      Memory.set(block + 4, Memory.real(row + stride));
      Memory.set(block + 8, Memory.real(row + 2 * stride));
      Memory.set(block + 12, Memory.real(row + 3 * stride));
      Memory.set(block + 16, Memory.real(row + 4 * stride));
      Memory.set(block + 20, Memory.real(row + 5 * stride));
      Memory.set(block + 24, Memory.real(row + 6 * stride));
      Memory.set(block + 28, Memory.real(row + 7 * stride));
    }
  }
}
