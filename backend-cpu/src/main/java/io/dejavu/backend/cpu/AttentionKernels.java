package io.dejavu.backend.cpu;

import static io.dejavu.backend.cpu.Memory.ALL;
import static io.dejavu.backend.cpu.VectorMath.F;

import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;

/// The two products of attention, `c[r] = Σᵢ a[r, i] · b[i]` and `c[r] += Σᵢ a[r, i] · b[i]`, for
/// 1, 4 or 8 rows and two vectors of columns. One accumulator per element, products added in the
/// order of `i`: the same to the bit whichever of these computes it, and in however many pieces.
///
/// | argument | shape   | type                                        |
/// |----------|---------|---------------------------------------------|
/// | `a`      | [m, k]  | f32, rows `aStride` bytes apart             |
/// | `b`      | [k, 2L] | f32, `L` in a vector, `bStride` bytes apart |
/// | `c`      | [m, 2L] | f32, rows `cStride` bytes apart             |
///
/// On the length of these methods see {@link PanelKernels}.
final class AttentionKernels {
  private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
  private static final long V = F.vectorByteSize();

  private AttentionKernels() {}

  static void product1(long a, long aStride, long b, long bStride, int k, long c, long cStride) {
    var c00 = FloatVector.zero(F);
    var c01 = c00;
    for (int i = 0; i < k; i++) {
      var w0 = FloatVector.fromMemorySegment(F, ALL, b, LE);
      var w1 = FloatVector.fromMemorySegment(F, ALL, b + V, LE);
      var x = FloatVector.broadcast(F, ALL.get(FLOAT, a));
      c00 = x.fma(w0, c00);
      c01 = x.fma(w1, c01);
      a += 4;
      b += bStride;
    }
    c00.intoMemorySegment(ALL, c, LE);
    c01.intoMemorySegment(ALL, c + V, LE);
  }

  static void accumulate1(long a, long aStride, long b, long bStride, int k, long c, long cStride) {
    var c00 = FloatVector.fromMemorySegment(F, ALL, c, LE);
    var c01 = FloatVector.fromMemorySegment(F, ALL, c + V, LE);
    for (int i = 0; i < k; i++) {
      var w0 = FloatVector.fromMemorySegment(F, ALL, b, LE);
      var w1 = FloatVector.fromMemorySegment(F, ALL, b + V, LE);
      var x = FloatVector.broadcast(F, ALL.get(FLOAT, a));
      c00 = x.fma(w0, c00);
      c01 = x.fma(w1, c01);
      a += 4;
      b += bStride;
    }
    c00.intoMemorySegment(ALL, c, LE);
    c01.intoMemorySegment(ALL, c + V, LE);
  }

  static void product4(long a, long aStride, long b, long bStride, int k, long c, long cStride) {
    var c00 = FloatVector.zero(F);
    var c01 = c00;
    var c10 = c00;
    var c11 = c00;
    var c20 = c00;
    var c21 = c00;
    var c30 = c00;
    var c31 = c00;
    for (int i = 0; i < k; i++) {
      var w0 = FloatVector.fromMemorySegment(F, ALL, b, LE);
      var w1 = FloatVector.fromMemorySegment(F, ALL, b + V, LE);
      var x = FloatVector.broadcast(F, ALL.get(FLOAT, a));
      c00 = x.fma(w0, c00);
      c01 = x.fma(w1, c01);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + aStride));
      c10 = x.fma(w0, c10);
      c11 = x.fma(w1, c11);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 2 * aStride));
      c20 = x.fma(w0, c20);
      c21 = x.fma(w1, c21);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 3 * aStride));
      c30 = x.fma(w0, c30);
      c31 = x.fma(w1, c31);
      a += 4;
      b += bStride;
    }
    c00.intoMemorySegment(ALL, c, LE);
    c01.intoMemorySegment(ALL, c + V, LE);
    c10.intoMemorySegment(ALL, c + cStride, LE);
    c11.intoMemorySegment(ALL, c + cStride + V, LE);
    c20.intoMemorySegment(ALL, c + 2 * cStride, LE);
    c21.intoMemorySegment(ALL, c + 2 * cStride + V, LE);
    c30.intoMemorySegment(ALL, c + 3 * cStride, LE);
    c31.intoMemorySegment(ALL, c + 3 * cStride + V, LE);
  }

  static void accumulate4(long a, long aStride, long b, long bStride, int k, long c, long cStride) {
    var c00 = FloatVector.fromMemorySegment(F, ALL, c, LE);
    var c01 = FloatVector.fromMemorySegment(F, ALL, c + V, LE);
    var c10 = FloatVector.fromMemorySegment(F, ALL, c + cStride, LE);
    var c11 = FloatVector.fromMemorySegment(F, ALL, c + cStride + V, LE);
    var c20 = FloatVector.fromMemorySegment(F, ALL, c + 2 * cStride, LE);
    var c21 = FloatVector.fromMemorySegment(F, ALL, c + 2 * cStride + V, LE);
    var c30 = FloatVector.fromMemorySegment(F, ALL, c + 3 * cStride, LE);
    var c31 = FloatVector.fromMemorySegment(F, ALL, c + 3 * cStride + V, LE);
    for (int i = 0; i < k; i++) {
      var w0 = FloatVector.fromMemorySegment(F, ALL, b, LE);
      var w1 = FloatVector.fromMemorySegment(F, ALL, b + V, LE);
      var x = FloatVector.broadcast(F, ALL.get(FLOAT, a));
      c00 = x.fma(w0, c00);
      c01 = x.fma(w1, c01);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + aStride));
      c10 = x.fma(w0, c10);
      c11 = x.fma(w1, c11);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 2 * aStride));
      c20 = x.fma(w0, c20);
      c21 = x.fma(w1, c21);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 3 * aStride));
      c30 = x.fma(w0, c30);
      c31 = x.fma(w1, c31);
      a += 4;
      b += bStride;
    }
    c00.intoMemorySegment(ALL, c, LE);
    c01.intoMemorySegment(ALL, c + V, LE);
    c10.intoMemorySegment(ALL, c + cStride, LE);
    c11.intoMemorySegment(ALL, c + cStride + V, LE);
    c20.intoMemorySegment(ALL, c + 2 * cStride, LE);
    c21.intoMemorySegment(ALL, c + 2 * cStride + V, LE);
    c30.intoMemorySegment(ALL, c + 3 * cStride, LE);
    c31.intoMemorySegment(ALL, c + 3 * cStride + V, LE);
  }

  static void product8(long a, long aStride, long b, long bStride, int k, long c, long cStride) {
    var c00 = FloatVector.zero(F);
    var c01 = c00;
    var c10 = c00;
    var c11 = c00;
    var c20 = c00;
    var c21 = c00;
    var c30 = c00;
    var c31 = c00;
    var c40 = c00;
    var c41 = c00;
    var c50 = c00;
    var c51 = c00;
    var c60 = c00;
    var c61 = c00;
    var c70 = c00;
    var c71 = c00;
    for (int i = 0; i < k; i++) {
      var w0 = FloatVector.fromMemorySegment(F, ALL, b, LE);
      var w1 = FloatVector.fromMemorySegment(F, ALL, b + V, LE);
      var x = FloatVector.broadcast(F, ALL.get(FLOAT, a));
      c00 = x.fma(w0, c00);
      c01 = x.fma(w1, c01);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + aStride));
      c10 = x.fma(w0, c10);
      c11 = x.fma(w1, c11);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 2 * aStride));
      c20 = x.fma(w0, c20);
      c21 = x.fma(w1, c21);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 3 * aStride));
      c30 = x.fma(w0, c30);
      c31 = x.fma(w1, c31);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 4 * aStride));
      c40 = x.fma(w0, c40);
      c41 = x.fma(w1, c41);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 5 * aStride));
      c50 = x.fma(w0, c50);
      c51 = x.fma(w1, c51);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 6 * aStride));
      c60 = x.fma(w0, c60);
      c61 = x.fma(w1, c61);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 7 * aStride));
      c70 = x.fma(w0, c70);
      c71 = x.fma(w1, c71);
      a += 4;
      b += bStride;
    }
    c00.intoMemorySegment(ALL, c, LE);
    c01.intoMemorySegment(ALL, c + V, LE);
    c10.intoMemorySegment(ALL, c + cStride, LE);
    c11.intoMemorySegment(ALL, c + cStride + V, LE);
    c20.intoMemorySegment(ALL, c + 2 * cStride, LE);
    c21.intoMemorySegment(ALL, c + 2 * cStride + V, LE);
    c30.intoMemorySegment(ALL, c + 3 * cStride, LE);
    c31.intoMemorySegment(ALL, c + 3 * cStride + V, LE);
    c40.intoMemorySegment(ALL, c + 4 * cStride, LE);
    c41.intoMemorySegment(ALL, c + 4 * cStride + V, LE);
    c50.intoMemorySegment(ALL, c + 5 * cStride, LE);
    c51.intoMemorySegment(ALL, c + 5 * cStride + V, LE);
    c60.intoMemorySegment(ALL, c + 6 * cStride, LE);
    c61.intoMemorySegment(ALL, c + 6 * cStride + V, LE);
    c70.intoMemorySegment(ALL, c + 7 * cStride, LE);
    c71.intoMemorySegment(ALL, c + 7 * cStride + V, LE);
  }

  static void accumulate8(long a, long aStride, long b, long bStride, int k, long c, long cStride) {
    var c00 = FloatVector.fromMemorySegment(F, ALL, c, LE);
    var c01 = FloatVector.fromMemorySegment(F, ALL, c + V, LE);
    var c10 = FloatVector.fromMemorySegment(F, ALL, c + cStride, LE);
    var c11 = FloatVector.fromMemorySegment(F, ALL, c + cStride + V, LE);
    var c20 = FloatVector.fromMemorySegment(F, ALL, c + 2 * cStride, LE);
    var c21 = FloatVector.fromMemorySegment(F, ALL, c + 2 * cStride + V, LE);
    var c30 = FloatVector.fromMemorySegment(F, ALL, c + 3 * cStride, LE);
    var c31 = FloatVector.fromMemorySegment(F, ALL, c + 3 * cStride + V, LE);
    var c40 = FloatVector.fromMemorySegment(F, ALL, c + 4 * cStride, LE);
    var c41 = FloatVector.fromMemorySegment(F, ALL, c + 4 * cStride + V, LE);
    var c50 = FloatVector.fromMemorySegment(F, ALL, c + 5 * cStride, LE);
    var c51 = FloatVector.fromMemorySegment(F, ALL, c + 5 * cStride + V, LE);
    var c60 = FloatVector.fromMemorySegment(F, ALL, c + 6 * cStride, LE);
    var c61 = FloatVector.fromMemorySegment(F, ALL, c + 6 * cStride + V, LE);
    var c70 = FloatVector.fromMemorySegment(F, ALL, c + 7 * cStride, LE);
    var c71 = FloatVector.fromMemorySegment(F, ALL, c + 7 * cStride + V, LE);
    for (int i = 0; i < k; i++) {
      var w0 = FloatVector.fromMemorySegment(F, ALL, b, LE);
      var w1 = FloatVector.fromMemorySegment(F, ALL, b + V, LE);
      var x = FloatVector.broadcast(F, ALL.get(FLOAT, a));
      c00 = x.fma(w0, c00);
      c01 = x.fma(w1, c01);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + aStride));
      c10 = x.fma(w0, c10);
      c11 = x.fma(w1, c11);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 2 * aStride));
      c20 = x.fma(w0, c20);
      c21 = x.fma(w1, c21);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 3 * aStride));
      c30 = x.fma(w0, c30);
      c31 = x.fma(w1, c31);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 4 * aStride));
      c40 = x.fma(w0, c40);
      c41 = x.fma(w1, c41);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 5 * aStride));
      c50 = x.fma(w0, c50);
      c51 = x.fma(w1, c51);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 6 * aStride));
      c60 = x.fma(w0, c60);
      c61 = x.fma(w1, c61);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 7 * aStride));
      c70 = x.fma(w0, c70);
      c71 = x.fma(w1, c71);
      a += 4;
      b += bStride;
    }
    c00.intoMemorySegment(ALL, c, LE);
    c01.intoMemorySegment(ALL, c + V, LE);
    c10.intoMemorySegment(ALL, c + cStride, LE);
    c11.intoMemorySegment(ALL, c + cStride + V, LE);
    c20.intoMemorySegment(ALL, c + 2 * cStride, LE);
    c21.intoMemorySegment(ALL, c + 2 * cStride + V, LE);
    c30.intoMemorySegment(ALL, c + 3 * cStride, LE);
    c31.intoMemorySegment(ALL, c + 3 * cStride + V, LE);
    c40.intoMemorySegment(ALL, c + 4 * cStride, LE);
    c41.intoMemorySegment(ALL, c + 4 * cStride + V, LE);
    c50.intoMemorySegment(ALL, c + 5 * cStride, LE);
    c51.intoMemorySegment(ALL, c + 5 * cStride + V, LE);
    c60.intoMemorySegment(ALL, c + 6 * cStride, LE);
    c61.intoMemorySegment(ALL, c + 6 * cStride + V, LE);
    c70.intoMemorySegment(ALL, c + 7 * cStride, LE);
    c71.intoMemorySegment(ALL, c + 7 * cStride + V, LE);
  }
}
