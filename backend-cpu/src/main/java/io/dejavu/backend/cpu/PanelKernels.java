package io.dejavu.backend.cpu;

import static io.dejavu.backend.cpu.Memory.ALL;
import static io.dejavu.backend.cpu.VectorMath.F;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;

import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorSpecies;

/// `tile[r] += Σₖ a[k, r] · b[k]` for 1, 4 or 8 rows and one panel of three vectors of outputs. One
/// accumulator per output, products added in the order of `k`: the same to the bit whichever of
/// these computes it.
///
/// | argument | shape   | type                                                   |
/// |----------|---------|--------------------------------------------------------|
/// | `a`      | [k, m]  | f32                                                    |
/// | `b`      | [k, 3L] | f32; or [k/2, 3L, 2] of 16 bits, `k` even              |
/// | `tile`   | [m, 3L] | f32, `L` floats in a vector                            |
///
/// Long and straight on purpose: an accumulator in an array, a lambda or a call that is not inlined
/// would cost ten times the arithmetic. 24 accumulators, 3 weights and a factor fill the 32
/// registers of AVX-512 and of NEON; the 16 of AVX2 hold 4 rows.
final class PanelKernels {
  private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;
  private static final VectorSpecies<Integer> I = IntVector.SPECIES_PREFERRED;
  private static final long V = F.vectorByteSize();
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

  /// Sign, exponent and fraction of a half in the upper 16 bits of a lane, after an arithmetic
  /// shift right by 3: they stand where a float has them. The product with 2¹¹² that follows
  /// corrects the exponent's bias, exactly and of subnormals too; infinities become finite.
  private static final int HALF = 0x8fffe000;

  private PanelKernels() {}

  static void f32x1(long a, long b, int k, long tile) {
    var c00 = FloatVector.zero(F);
    var c01 = c00;
    var c02 = c00;
    for (int i = 0; i < k; i++) {
      var w0 = FloatVector.fromMemorySegment(F, ALL, b, LE);
      var w1 = FloatVector.fromMemorySegment(F, ALL, b + V, LE);
      var w2 = FloatVector.fromMemorySegment(F, ALL, b + 2 * V, LE);
      var x = FloatVector.broadcast(F, ALL.get(FLOAT, a));
      c00 = x.fma(w0, c00);
      c01 = x.fma(w1, c01);
      c02 = x.fma(w2, c02);
      a += 4;
      b += 3 * V;
    }
    c00.intoMemorySegment(ALL, tile, LE);
    c01.intoMemorySegment(ALL, tile + V, LE);
    c02.intoMemorySegment(ALL, tile + 2 * V, LE);
  }

  static void f32x4(long a, long b, int k, long tile) {
    var c00 = FloatVector.zero(F);
    var c01 = c00;
    var c02 = c00;
    var c10 = c00;
    var c11 = c00;
    var c12 = c00;
    var c20 = c00;
    var c21 = c00;
    var c22 = c00;
    var c30 = c00;
    var c31 = c00;
    var c32 = c00;
    for (int i = 0; i < k; i++) {
      var w0 = FloatVector.fromMemorySegment(F, ALL, b, LE);
      var w1 = FloatVector.fromMemorySegment(F, ALL, b + V, LE);
      var w2 = FloatVector.fromMemorySegment(F, ALL, b + 2 * V, LE);
      var x = FloatVector.broadcast(F, ALL.get(FLOAT, a));
      c00 = x.fma(w0, c00);
      c01 = x.fma(w1, c01);
      c02 = x.fma(w2, c02);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 4));
      c10 = x.fma(w0, c10);
      c11 = x.fma(w1, c11);
      c12 = x.fma(w2, c12);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 8));
      c20 = x.fma(w0, c20);
      c21 = x.fma(w1, c21);
      c22 = x.fma(w2, c22);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 12));
      c30 = x.fma(w0, c30);
      c31 = x.fma(w1, c31);
      c32 = x.fma(w2, c32);
      a += 16;
      b += 3 * V;
    }
    c00.intoMemorySegment(ALL, tile, LE);
    c01.intoMemorySegment(ALL, tile + V, LE);
    c02.intoMemorySegment(ALL, tile + 2 * V, LE);
    c10.intoMemorySegment(ALL, tile + 3 * V, LE);
    c11.intoMemorySegment(ALL, tile + 4 * V, LE);
    c12.intoMemorySegment(ALL, tile + 5 * V, LE);
    c20.intoMemorySegment(ALL, tile + 6 * V, LE);
    c21.intoMemorySegment(ALL, tile + 7 * V, LE);
    c22.intoMemorySegment(ALL, tile + 8 * V, LE);
    c30.intoMemorySegment(ALL, tile + 9 * V, LE);
    c31.intoMemorySegment(ALL, tile + 10 * V, LE);
    c32.intoMemorySegment(ALL, tile + 11 * V, LE);
  }

  static void f32x8(long a, long b, int k, long tile) {
    var c00 = FloatVector.zero(F);
    var c01 = c00;
    var c02 = c00;
    var c10 = c00;
    var c11 = c00;
    var c12 = c00;
    var c20 = c00;
    var c21 = c00;
    var c22 = c00;
    var c30 = c00;
    var c31 = c00;
    var c32 = c00;
    var c40 = c00;
    var c41 = c00;
    var c42 = c00;
    var c50 = c00;
    var c51 = c00;
    var c52 = c00;
    var c60 = c00;
    var c61 = c00;
    var c62 = c00;
    var c70 = c00;
    var c71 = c00;
    var c72 = c00;
    for (int i = 0; i < k; i++) {
      var w0 = FloatVector.fromMemorySegment(F, ALL, b, LE);
      var w1 = FloatVector.fromMemorySegment(F, ALL, b + V, LE);
      var w2 = FloatVector.fromMemorySegment(F, ALL, b + 2 * V, LE);
      var x = FloatVector.broadcast(F, ALL.get(FLOAT, a));
      c00 = x.fma(w0, c00);
      c01 = x.fma(w1, c01);
      c02 = x.fma(w2, c02);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 4));
      c10 = x.fma(w0, c10);
      c11 = x.fma(w1, c11);
      c12 = x.fma(w2, c12);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 8));
      c20 = x.fma(w0, c20);
      c21 = x.fma(w1, c21);
      c22 = x.fma(w2, c22);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 12));
      c30 = x.fma(w0, c30);
      c31 = x.fma(w1, c31);
      c32 = x.fma(w2, c32);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 16));
      c40 = x.fma(w0, c40);
      c41 = x.fma(w1, c41);
      c42 = x.fma(w2, c42);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 20));
      c50 = x.fma(w0, c50);
      c51 = x.fma(w1, c51);
      c52 = x.fma(w2, c52);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 24));
      c60 = x.fma(w0, c60);
      c61 = x.fma(w1, c61);
      c62 = x.fma(w2, c62);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 28));
      c70 = x.fma(w0, c70);
      c71 = x.fma(w1, c71);
      c72 = x.fma(w2, c72);
      a += 32;
      b += 3 * V;
    }
    c00.intoMemorySegment(ALL, tile, LE);
    c01.intoMemorySegment(ALL, tile + V, LE);
    c02.intoMemorySegment(ALL, tile + 2 * V, LE);
    c10.intoMemorySegment(ALL, tile + 3 * V, LE);
    c11.intoMemorySegment(ALL, tile + 4 * V, LE);
    c12.intoMemorySegment(ALL, tile + 5 * V, LE);
    c20.intoMemorySegment(ALL, tile + 6 * V, LE);
    c21.intoMemorySegment(ALL, tile + 7 * V, LE);
    c22.intoMemorySegment(ALL, tile + 8 * V, LE);
    c30.intoMemorySegment(ALL, tile + 9 * V, LE);
    c31.intoMemorySegment(ALL, tile + 10 * V, LE);
    c32.intoMemorySegment(ALL, tile + 11 * V, LE);
    c40.intoMemorySegment(ALL, tile + 12 * V, LE);
    c41.intoMemorySegment(ALL, tile + 13 * V, LE);
    c42.intoMemorySegment(ALL, tile + 14 * V, LE);
    c50.intoMemorySegment(ALL, tile + 15 * V, LE);
    c51.intoMemorySegment(ALL, tile + 16 * V, LE);
    c52.intoMemorySegment(ALL, tile + 17 * V, LE);
    c60.intoMemorySegment(ALL, tile + 18 * V, LE);
    c61.intoMemorySegment(ALL, tile + 19 * V, LE);
    c62.intoMemorySegment(ALL, tile + 20 * V, LE);
    c70.intoMemorySegment(ALL, tile + 21 * V, LE);
    c71.intoMemorySegment(ALL, tile + 22 * V, LE);
    c72.intoMemorySegment(ALL, tile + 23 * V, LE);
  }

  static void bf16x1(long a, long b, int k, long tile) {
    var c00 = FloatVector.zero(F);
    var c01 = c00;
    var c02 = c00;
    for (int i = 0; i < k; i += 2) {
      var p0 = IntVector.fromMemorySegment(I, ALL, b, LE);
      var p1 = IntVector.fromMemorySegment(I, ALL, b + V, LE);
      var p2 = IntVector.fromMemorySegment(I, ALL, b + 2 * V, LE);
      var w0 = p0.lanewise(LSHL, 16).reinterpretAsFloats();
      var w1 = p1.lanewise(LSHL, 16).reinterpretAsFloats();
      var w2 = p2.lanewise(LSHL, 16).reinterpretAsFloats();
      var x = FloatVector.broadcast(F, ALL.get(FLOAT, a));
      c00 = x.fma(w0, c00);
      c01 = x.fma(w1, c01);
      c02 = x.fma(w2, c02);
      w0 = p0.lanewise(LSHR, 16).lanewise(LSHL, 16).reinterpretAsFloats();
      w1 = p1.lanewise(LSHR, 16).lanewise(LSHL, 16).reinterpretAsFloats();
      w2 = p2.lanewise(LSHR, 16).lanewise(LSHL, 16).reinterpretAsFloats();
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 4));
      c00 = x.fma(w0, c00);
      c01 = x.fma(w1, c01);
      c02 = x.fma(w2, c02);
      a += 8;
      b += 3 * V;
    }
    c00.intoMemorySegment(ALL, tile, LE);
    c01.intoMemorySegment(ALL, tile + V, LE);
    c02.intoMemorySegment(ALL, tile + 2 * V, LE);
  }

  static void bf16x4(long a, long b, int k, long tile) {
    var c00 = FloatVector.zero(F);
    var c01 = c00;
    var c02 = c00;
    var c10 = c00;
    var c11 = c00;
    var c12 = c00;
    var c20 = c00;
    var c21 = c00;
    var c22 = c00;
    var c30 = c00;
    var c31 = c00;
    var c32 = c00;
    for (int i = 0; i < k; i += 2) {
      var p0 = IntVector.fromMemorySegment(I, ALL, b, LE);
      var p1 = IntVector.fromMemorySegment(I, ALL, b + V, LE);
      var p2 = IntVector.fromMemorySegment(I, ALL, b + 2 * V, LE);
      var w0 = p0.lanewise(LSHL, 16).reinterpretAsFloats();
      var w1 = p1.lanewise(LSHL, 16).reinterpretAsFloats();
      var w2 = p2.lanewise(LSHL, 16).reinterpretAsFloats();
      var x = FloatVector.broadcast(F, ALL.get(FLOAT, a));
      c00 = x.fma(w0, c00);
      c01 = x.fma(w1, c01);
      c02 = x.fma(w2, c02);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 4));
      c10 = x.fma(w0, c10);
      c11 = x.fma(w1, c11);
      c12 = x.fma(w2, c12);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 8));
      c20 = x.fma(w0, c20);
      c21 = x.fma(w1, c21);
      c22 = x.fma(w2, c22);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 12));
      c30 = x.fma(w0, c30);
      c31 = x.fma(w1, c31);
      c32 = x.fma(w2, c32);
      w0 = p0.lanewise(LSHR, 16).lanewise(LSHL, 16).reinterpretAsFloats();
      w1 = p1.lanewise(LSHR, 16).lanewise(LSHL, 16).reinterpretAsFloats();
      w2 = p2.lanewise(LSHR, 16).lanewise(LSHL, 16).reinterpretAsFloats();
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 16));
      c00 = x.fma(w0, c00);
      c01 = x.fma(w1, c01);
      c02 = x.fma(w2, c02);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 20));
      c10 = x.fma(w0, c10);
      c11 = x.fma(w1, c11);
      c12 = x.fma(w2, c12);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 24));
      c20 = x.fma(w0, c20);
      c21 = x.fma(w1, c21);
      c22 = x.fma(w2, c22);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 28));
      c30 = x.fma(w0, c30);
      c31 = x.fma(w1, c31);
      c32 = x.fma(w2, c32);
      a += 32;
      b += 3 * V;
    }
    c00.intoMemorySegment(ALL, tile, LE);
    c01.intoMemorySegment(ALL, tile + V, LE);
    c02.intoMemorySegment(ALL, tile + 2 * V, LE);
    c10.intoMemorySegment(ALL, tile + 3 * V, LE);
    c11.intoMemorySegment(ALL, tile + 4 * V, LE);
    c12.intoMemorySegment(ALL, tile + 5 * V, LE);
    c20.intoMemorySegment(ALL, tile + 6 * V, LE);
    c21.intoMemorySegment(ALL, tile + 7 * V, LE);
    c22.intoMemorySegment(ALL, tile + 8 * V, LE);
    c30.intoMemorySegment(ALL, tile + 9 * V, LE);
    c31.intoMemorySegment(ALL, tile + 10 * V, LE);
    c32.intoMemorySegment(ALL, tile + 11 * V, LE);
  }

  static void bf16x8(long a, long b, int k, long tile) {
    var c00 = FloatVector.zero(F);
    var c01 = c00;
    var c02 = c00;
    var c10 = c00;
    var c11 = c00;
    var c12 = c00;
    var c20 = c00;
    var c21 = c00;
    var c22 = c00;
    var c30 = c00;
    var c31 = c00;
    var c32 = c00;
    var c40 = c00;
    var c41 = c00;
    var c42 = c00;
    var c50 = c00;
    var c51 = c00;
    var c52 = c00;
    var c60 = c00;
    var c61 = c00;
    var c62 = c00;
    var c70 = c00;
    var c71 = c00;
    var c72 = c00;
    for (int i = 0; i < k; i += 2) {
      var p0 = IntVector.fromMemorySegment(I, ALL, b, LE);
      var p1 = IntVector.fromMemorySegment(I, ALL, b + V, LE);
      var p2 = IntVector.fromMemorySegment(I, ALL, b + 2 * V, LE);
      var w0 = p0.lanewise(LSHL, 16).reinterpretAsFloats();
      var w1 = p1.lanewise(LSHL, 16).reinterpretAsFloats();
      var w2 = p2.lanewise(LSHL, 16).reinterpretAsFloats();
      var x = FloatVector.broadcast(F, ALL.get(FLOAT, a));
      c00 = x.fma(w0, c00);
      c01 = x.fma(w1, c01);
      c02 = x.fma(w2, c02);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 4));
      c10 = x.fma(w0, c10);
      c11 = x.fma(w1, c11);
      c12 = x.fma(w2, c12);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 8));
      c20 = x.fma(w0, c20);
      c21 = x.fma(w1, c21);
      c22 = x.fma(w2, c22);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 12));
      c30 = x.fma(w0, c30);
      c31 = x.fma(w1, c31);
      c32 = x.fma(w2, c32);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 16));
      c40 = x.fma(w0, c40);
      c41 = x.fma(w1, c41);
      c42 = x.fma(w2, c42);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 20));
      c50 = x.fma(w0, c50);
      c51 = x.fma(w1, c51);
      c52 = x.fma(w2, c52);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 24));
      c60 = x.fma(w0, c60);
      c61 = x.fma(w1, c61);
      c62 = x.fma(w2, c62);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 28));
      c70 = x.fma(w0, c70);
      c71 = x.fma(w1, c71);
      c72 = x.fma(w2, c72);
      w0 = p0.lanewise(LSHR, 16).lanewise(LSHL, 16).reinterpretAsFloats();
      w1 = p1.lanewise(LSHR, 16).lanewise(LSHL, 16).reinterpretAsFloats();
      w2 = p2.lanewise(LSHR, 16).lanewise(LSHL, 16).reinterpretAsFloats();
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 32));
      c00 = x.fma(w0, c00);
      c01 = x.fma(w1, c01);
      c02 = x.fma(w2, c02);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 36));
      c10 = x.fma(w0, c10);
      c11 = x.fma(w1, c11);
      c12 = x.fma(w2, c12);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 40));
      c20 = x.fma(w0, c20);
      c21 = x.fma(w1, c21);
      c22 = x.fma(w2, c22);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 44));
      c30 = x.fma(w0, c30);
      c31 = x.fma(w1, c31);
      c32 = x.fma(w2, c32);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 48));
      c40 = x.fma(w0, c40);
      c41 = x.fma(w1, c41);
      c42 = x.fma(w2, c42);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 52));
      c50 = x.fma(w0, c50);
      c51 = x.fma(w1, c51);
      c52 = x.fma(w2, c52);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 56));
      c60 = x.fma(w0, c60);
      c61 = x.fma(w1, c61);
      c62 = x.fma(w2, c62);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 60));
      c70 = x.fma(w0, c70);
      c71 = x.fma(w1, c71);
      c72 = x.fma(w2, c72);
      a += 64;
      b += 3 * V;
    }
    c00.intoMemorySegment(ALL, tile, LE);
    c01.intoMemorySegment(ALL, tile + V, LE);
    c02.intoMemorySegment(ALL, tile + 2 * V, LE);
    c10.intoMemorySegment(ALL, tile + 3 * V, LE);
    c11.intoMemorySegment(ALL, tile + 4 * V, LE);
    c12.intoMemorySegment(ALL, tile + 5 * V, LE);
    c20.intoMemorySegment(ALL, tile + 6 * V, LE);
    c21.intoMemorySegment(ALL, tile + 7 * V, LE);
    c22.intoMemorySegment(ALL, tile + 8 * V, LE);
    c30.intoMemorySegment(ALL, tile + 9 * V, LE);
    c31.intoMemorySegment(ALL, tile + 10 * V, LE);
    c32.intoMemorySegment(ALL, tile + 11 * V, LE);
    c40.intoMemorySegment(ALL, tile + 12 * V, LE);
    c41.intoMemorySegment(ALL, tile + 13 * V, LE);
    c42.intoMemorySegment(ALL, tile + 14 * V, LE);
    c50.intoMemorySegment(ALL, tile + 15 * V, LE);
    c51.intoMemorySegment(ALL, tile + 16 * V, LE);
    c52.intoMemorySegment(ALL, tile + 17 * V, LE);
    c60.intoMemorySegment(ALL, tile + 18 * V, LE);
    c61.intoMemorySegment(ALL, tile + 19 * V, LE);
    c62.intoMemorySegment(ALL, tile + 20 * V, LE);
    c70.intoMemorySegment(ALL, tile + 21 * V, LE);
    c71.intoMemorySegment(ALL, tile + 22 * V, LE);
    c72.intoMemorySegment(ALL, tile + 23 * V, LE);
  }

  static void f16x1(long a, long b, int k, long tile) {
    var c00 = FloatVector.zero(F);
    var c01 = c00;
    var c02 = c00;
    for (int i = 0; i < k; i += 2) {
      var p0 = IntVector.fromMemorySegment(I, ALL, b, LE);
      var p1 = IntVector.fromMemorySegment(I, ALL, b + V, LE);
      var p2 = IntVector.fromMemorySegment(I, ALL, b + 2 * V, LE);
      var w0 =
          p0.lanewise(LSHL, 16).lanewise(ASHR, 3).and(HALF).reinterpretAsFloats().mul(0x1p112f);
      var w1 =
          p1.lanewise(LSHL, 16).lanewise(ASHR, 3).and(HALF).reinterpretAsFloats().mul(0x1p112f);
      var w2 =
          p2.lanewise(LSHL, 16).lanewise(ASHR, 3).and(HALF).reinterpretAsFloats().mul(0x1p112f);
      var x = FloatVector.broadcast(F, ALL.get(FLOAT, a));
      c00 = x.fma(w0, c00);
      c01 = x.fma(w1, c01);
      c02 = x.fma(w2, c02);
      w0 = p0.lanewise(ASHR, 3).and(HALF).reinterpretAsFloats().mul(0x1p112f);
      w1 = p1.lanewise(ASHR, 3).and(HALF).reinterpretAsFloats().mul(0x1p112f);
      w2 = p2.lanewise(ASHR, 3).and(HALF).reinterpretAsFloats().mul(0x1p112f);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 4));
      c00 = x.fma(w0, c00);
      c01 = x.fma(w1, c01);
      c02 = x.fma(w2, c02);
      a += 8;
      b += 3 * V;
    }
    c00.intoMemorySegment(ALL, tile, LE);
    c01.intoMemorySegment(ALL, tile + V, LE);
    c02.intoMemorySegment(ALL, tile + 2 * V, LE);
  }

  static void f16x4(long a, long b, int k, long tile) {
    var c00 = FloatVector.zero(F);
    var c01 = c00;
    var c02 = c00;
    var c10 = c00;
    var c11 = c00;
    var c12 = c00;
    var c20 = c00;
    var c21 = c00;
    var c22 = c00;
    var c30 = c00;
    var c31 = c00;
    var c32 = c00;
    for (int i = 0; i < k; i += 2) {
      var p0 = IntVector.fromMemorySegment(I, ALL, b, LE);
      var p1 = IntVector.fromMemorySegment(I, ALL, b + V, LE);
      var p2 = IntVector.fromMemorySegment(I, ALL, b + 2 * V, LE);
      var w0 =
          p0.lanewise(LSHL, 16).lanewise(ASHR, 3).and(HALF).reinterpretAsFloats().mul(0x1p112f);
      var w1 =
          p1.lanewise(LSHL, 16).lanewise(ASHR, 3).and(HALF).reinterpretAsFloats().mul(0x1p112f);
      var w2 =
          p2.lanewise(LSHL, 16).lanewise(ASHR, 3).and(HALF).reinterpretAsFloats().mul(0x1p112f);
      var x = FloatVector.broadcast(F, ALL.get(FLOAT, a));
      c00 = x.fma(w0, c00);
      c01 = x.fma(w1, c01);
      c02 = x.fma(w2, c02);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 4));
      c10 = x.fma(w0, c10);
      c11 = x.fma(w1, c11);
      c12 = x.fma(w2, c12);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 8));
      c20 = x.fma(w0, c20);
      c21 = x.fma(w1, c21);
      c22 = x.fma(w2, c22);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 12));
      c30 = x.fma(w0, c30);
      c31 = x.fma(w1, c31);
      c32 = x.fma(w2, c32);
      w0 = p0.lanewise(ASHR, 3).and(HALF).reinterpretAsFloats().mul(0x1p112f);
      w1 = p1.lanewise(ASHR, 3).and(HALF).reinterpretAsFloats().mul(0x1p112f);
      w2 = p2.lanewise(ASHR, 3).and(HALF).reinterpretAsFloats().mul(0x1p112f);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 16));
      c00 = x.fma(w0, c00);
      c01 = x.fma(w1, c01);
      c02 = x.fma(w2, c02);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 20));
      c10 = x.fma(w0, c10);
      c11 = x.fma(w1, c11);
      c12 = x.fma(w2, c12);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 24));
      c20 = x.fma(w0, c20);
      c21 = x.fma(w1, c21);
      c22 = x.fma(w2, c22);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 28));
      c30 = x.fma(w0, c30);
      c31 = x.fma(w1, c31);
      c32 = x.fma(w2, c32);
      a += 32;
      b += 3 * V;
    }
    c00.intoMemorySegment(ALL, tile, LE);
    c01.intoMemorySegment(ALL, tile + V, LE);
    c02.intoMemorySegment(ALL, tile + 2 * V, LE);
    c10.intoMemorySegment(ALL, tile + 3 * V, LE);
    c11.intoMemorySegment(ALL, tile + 4 * V, LE);
    c12.intoMemorySegment(ALL, tile + 5 * V, LE);
    c20.intoMemorySegment(ALL, tile + 6 * V, LE);
    c21.intoMemorySegment(ALL, tile + 7 * V, LE);
    c22.intoMemorySegment(ALL, tile + 8 * V, LE);
    c30.intoMemorySegment(ALL, tile + 9 * V, LE);
    c31.intoMemorySegment(ALL, tile + 10 * V, LE);
    c32.intoMemorySegment(ALL, tile + 11 * V, LE);
  }

  static void f16x8(long a, long b, int k, long tile) {
    var c00 = FloatVector.zero(F);
    var c01 = c00;
    var c02 = c00;
    var c10 = c00;
    var c11 = c00;
    var c12 = c00;
    var c20 = c00;
    var c21 = c00;
    var c22 = c00;
    var c30 = c00;
    var c31 = c00;
    var c32 = c00;
    var c40 = c00;
    var c41 = c00;
    var c42 = c00;
    var c50 = c00;
    var c51 = c00;
    var c52 = c00;
    var c60 = c00;
    var c61 = c00;
    var c62 = c00;
    var c70 = c00;
    var c71 = c00;
    var c72 = c00;
    for (int i = 0; i < k; i += 2) {
      var p0 = IntVector.fromMemorySegment(I, ALL, b, LE);
      var p1 = IntVector.fromMemorySegment(I, ALL, b + V, LE);
      var p2 = IntVector.fromMemorySegment(I, ALL, b + 2 * V, LE);
      var w0 =
          p0.lanewise(LSHL, 16).lanewise(ASHR, 3).and(HALF).reinterpretAsFloats().mul(0x1p112f);
      var w1 =
          p1.lanewise(LSHL, 16).lanewise(ASHR, 3).and(HALF).reinterpretAsFloats().mul(0x1p112f);
      var w2 =
          p2.lanewise(LSHL, 16).lanewise(ASHR, 3).and(HALF).reinterpretAsFloats().mul(0x1p112f);
      var x = FloatVector.broadcast(F, ALL.get(FLOAT, a));
      c00 = x.fma(w0, c00);
      c01 = x.fma(w1, c01);
      c02 = x.fma(w2, c02);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 4));
      c10 = x.fma(w0, c10);
      c11 = x.fma(w1, c11);
      c12 = x.fma(w2, c12);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 8));
      c20 = x.fma(w0, c20);
      c21 = x.fma(w1, c21);
      c22 = x.fma(w2, c22);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 12));
      c30 = x.fma(w0, c30);
      c31 = x.fma(w1, c31);
      c32 = x.fma(w2, c32);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 16));
      c40 = x.fma(w0, c40);
      c41 = x.fma(w1, c41);
      c42 = x.fma(w2, c42);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 20));
      c50 = x.fma(w0, c50);
      c51 = x.fma(w1, c51);
      c52 = x.fma(w2, c52);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 24));
      c60 = x.fma(w0, c60);
      c61 = x.fma(w1, c61);
      c62 = x.fma(w2, c62);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 28));
      c70 = x.fma(w0, c70);
      c71 = x.fma(w1, c71);
      c72 = x.fma(w2, c72);
      w0 = p0.lanewise(ASHR, 3).and(HALF).reinterpretAsFloats().mul(0x1p112f);
      w1 = p1.lanewise(ASHR, 3).and(HALF).reinterpretAsFloats().mul(0x1p112f);
      w2 = p2.lanewise(ASHR, 3).and(HALF).reinterpretAsFloats().mul(0x1p112f);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 32));
      c00 = x.fma(w0, c00);
      c01 = x.fma(w1, c01);
      c02 = x.fma(w2, c02);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 36));
      c10 = x.fma(w0, c10);
      c11 = x.fma(w1, c11);
      c12 = x.fma(w2, c12);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 40));
      c20 = x.fma(w0, c20);
      c21 = x.fma(w1, c21);
      c22 = x.fma(w2, c22);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 44));
      c30 = x.fma(w0, c30);
      c31 = x.fma(w1, c31);
      c32 = x.fma(w2, c32);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 48));
      c40 = x.fma(w0, c40);
      c41 = x.fma(w1, c41);
      c42 = x.fma(w2, c42);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 52));
      c50 = x.fma(w0, c50);
      c51 = x.fma(w1, c51);
      c52 = x.fma(w2, c52);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 56));
      c60 = x.fma(w0, c60);
      c61 = x.fma(w1, c61);
      c62 = x.fma(w2, c62);
      x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 60));
      c70 = x.fma(w0, c70);
      c71 = x.fma(w1, c71);
      c72 = x.fma(w2, c72);
      a += 64;
      b += 3 * V;
    }
    c00.intoMemorySegment(ALL, tile, LE);
    c01.intoMemorySegment(ALL, tile + V, LE);
    c02.intoMemorySegment(ALL, tile + 2 * V, LE);
    c10.intoMemorySegment(ALL, tile + 3 * V, LE);
    c11.intoMemorySegment(ALL, tile + 4 * V, LE);
    c12.intoMemorySegment(ALL, tile + 5 * V, LE);
    c20.intoMemorySegment(ALL, tile + 6 * V, LE);
    c21.intoMemorySegment(ALL, tile + 7 * V, LE);
    c22.intoMemorySegment(ALL, tile + 8 * V, LE);
    c30.intoMemorySegment(ALL, tile + 9 * V, LE);
    c31.intoMemorySegment(ALL, tile + 10 * V, LE);
    c32.intoMemorySegment(ALL, tile + 11 * V, LE);
    c40.intoMemorySegment(ALL, tile + 12 * V, LE);
    c41.intoMemorySegment(ALL, tile + 13 * V, LE);
    c42.intoMemorySegment(ALL, tile + 14 * V, LE);
    c50.intoMemorySegment(ALL, tile + 15 * V, LE);
    c51.intoMemorySegment(ALL, tile + 16 * V, LE);
    c52.intoMemorySegment(ALL, tile + 17 * V, LE);
    c60.intoMemorySegment(ALL, tile + 18 * V, LE);
    c61.intoMemorySegment(ALL, tile + 19 * V, LE);
    c62.intoMemorySegment(ALL, tile + 20 * V, LE);
    c70.intoMemorySegment(ALL, tile + 21 * V, LE);
    c71.intoMemorySegment(ALL, tile + 22 * V, LE);
    c72.intoMemorySegment(ALL, tile + 23 * V, LE);
  }
}
