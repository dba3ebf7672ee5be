package io.dejavu.backend.cpu;

import static io.dejavu.backend.cpu.Memory.ALL;
import static io.dejavu.backend.cpu.VectorMath.F;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;

import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorSpecies;

/// `tile[r] += Σ_g (Σₖ a[g, k, r] · q[g, k]) · s[g, r] · scale[g]` for 1, 4 or 8 rows and one panel
/// of three vectors of quantised outputs: a sum for each group, then the scaled sums in the order
/// of groups. The same to the bit whichever of these computes it.
///
/// Where activations are quantised too, `a` holds integers: their products and sums stay under 2²⁴,
/// so that floats compute a group exactly.
///
/// | argument | shape                             | type                              |
/// |----------|-----------------------------------|-----------------------------------|
/// | `a`      | [groups, group, m]                | f32                               |
/// | `s`      | [groups, m]                       | f32                               |
/// | `b`      | [groups][3L f32 scales, group × 3L weights] | 4 i8 or 8 i4 of successive `k` in an int |
/// | `tile`   | [m, 3L]                           | f32, `L` floats in a vector       |
///
/// `f32x4` and `f32x8` take the weights widened to `[groups, group, 3L]` and the scales apart. On
/// the length of these methods see {@link PanelKernels}.
final class GroupKernels {
  private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;
  private static final VectorSpecies<Integer> I = IntVector.SPECIES_PREFERRED;
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
  private static final long V = F.vectorByteSize();

  private GroupKernels() {}

  static void i8x1(long a, long s, long b, int groups, int group, long tile) {
    var c00 = FloatVector.zero(F);
    var c01 = c00;
    var c02 = c00;
    for (int g = 0; g < groups; g++) {
      var s0 = FloatVector.fromMemorySegment(F, ALL, b, LE);
      var s1 = FloatVector.fromMemorySegment(F, ALL, b + V, LE);
      var s2 = FloatVector.fromMemorySegment(F, ALL, b + 2 * V, LE);
      b += 3 * V;
      var t00 = FloatVector.zero(F);
      var t01 = t00;
      var t02 = t00;
      for (int i = 0; i < group; i += 4) {
        var q0 = IntVector.fromMemorySegment(I, ALL, b, LE);
        var q1 = IntVector.fromMemorySegment(I, ALL, b + V, LE);
        var q2 = IntVector.fromMemorySegment(I, ALL, b + 2 * V, LE);
        for (int j = 0; j < 4; j++) { // the lowest of a lane's numbers comes first
          var w0 = (FloatVector) q0.lanewise(LSHL, 24 - 8 * j).lanewise(ASHR, 24).convert(I2F, 0);
          var w1 = (FloatVector) q1.lanewise(LSHL, 24 - 8 * j).lanewise(ASHR, 24).convert(I2F, 0);
          var w2 = (FloatVector) q2.lanewise(LSHL, 24 - 8 * j).lanewise(ASHR, 24).convert(I2F, 0);
          var x = FloatVector.broadcast(F, ALL.get(FLOAT, a));
          t00 = x.fma(w0, t00);
          t01 = x.fma(w1, t01);
          t02 = x.fma(w2, t02);
          a += 4;
        }
        b += 3 * V;
      }
      var y = FloatVector.broadcast(F, ALL.get(FLOAT, s));
      c00 = t00.fma(s0.mul(y), c00);
      c01 = t01.fma(s1.mul(y), c01);
      c02 = t02.fma(s2.mul(y), c02);
      s += 4;
    }
    c00.intoMemorySegment(ALL, tile, LE);
    c01.intoMemorySegment(ALL, tile + V, LE);
    c02.intoMemorySegment(ALL, tile + 2 * V, LE);
  }

  static void i8x4(long a, long s, long b, int groups, int group, long tile) {
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
    for (int g = 0; g < groups; g++) {
      var s0 = FloatVector.fromMemorySegment(F, ALL, b, LE);
      var s1 = FloatVector.fromMemorySegment(F, ALL, b + V, LE);
      var s2 = FloatVector.fromMemorySegment(F, ALL, b + 2 * V, LE);
      b += 3 * V;
      var t00 = FloatVector.zero(F);
      var t01 = t00;
      var t02 = t00;
      var t10 = t00;
      var t11 = t00;
      var t12 = t00;
      var t20 = t00;
      var t21 = t00;
      var t22 = t00;
      var t30 = t00;
      var t31 = t00;
      var t32 = t00;
      for (int i = 0; i < group; i += 4) {
        var q0 = IntVector.fromMemorySegment(I, ALL, b, LE);
        var q1 = IntVector.fromMemorySegment(I, ALL, b + V, LE);
        var q2 = IntVector.fromMemorySegment(I, ALL, b + 2 * V, LE);
        for (int j = 0; j < 4; j++) { // the lowest of a lane's numbers comes first
          var w0 = (FloatVector) q0.lanewise(LSHL, 24 - 8 * j).lanewise(ASHR, 24).convert(I2F, 0);
          var w1 = (FloatVector) q1.lanewise(LSHL, 24 - 8 * j).lanewise(ASHR, 24).convert(I2F, 0);
          var w2 = (FloatVector) q2.lanewise(LSHL, 24 - 8 * j).lanewise(ASHR, 24).convert(I2F, 0);
          var x = FloatVector.broadcast(F, ALL.get(FLOAT, a));
          t00 = x.fma(w0, t00);
          t01 = x.fma(w1, t01);
          t02 = x.fma(w2, t02);
          x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 4));
          t10 = x.fma(w0, t10);
          t11 = x.fma(w1, t11);
          t12 = x.fma(w2, t12);
          x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 8));
          t20 = x.fma(w0, t20);
          t21 = x.fma(w1, t21);
          t22 = x.fma(w2, t22);
          x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 12));
          t30 = x.fma(w0, t30);
          t31 = x.fma(w1, t31);
          t32 = x.fma(w2, t32);
          a += 16;
        }
        b += 3 * V;
      }
      var y = FloatVector.broadcast(F, ALL.get(FLOAT, s));
      c00 = t00.fma(s0.mul(y), c00);
      c01 = t01.fma(s1.mul(y), c01);
      c02 = t02.fma(s2.mul(y), c02);
      y = FloatVector.broadcast(F, ALL.get(FLOAT, s + 4));
      c10 = t10.fma(s0.mul(y), c10);
      c11 = t11.fma(s1.mul(y), c11);
      c12 = t12.fma(s2.mul(y), c12);
      y = FloatVector.broadcast(F, ALL.get(FLOAT, s + 8));
      c20 = t20.fma(s0.mul(y), c20);
      c21 = t21.fma(s1.mul(y), c21);
      c22 = t22.fma(s2.mul(y), c22);
      y = FloatVector.broadcast(F, ALL.get(FLOAT, s + 12));
      c30 = t30.fma(s0.mul(y), c30);
      c31 = t31.fma(s1.mul(y), c31);
      c32 = t32.fma(s2.mul(y), c32);
      s += 16;
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

  static void i4x1(long a, long s, long b, int groups, int group, long tile) {
    var c00 = FloatVector.zero(F);
    var c01 = c00;
    var c02 = c00;
    for (int g = 0; g < groups; g++) {
      var s0 = FloatVector.fromMemorySegment(F, ALL, b, LE);
      var s1 = FloatVector.fromMemorySegment(F, ALL, b + V, LE);
      var s2 = FloatVector.fromMemorySegment(F, ALL, b + 2 * V, LE);
      b += 3 * V;
      var t00 = FloatVector.zero(F);
      var t01 = t00;
      var t02 = t00;
      for (int i = 0; i < group; i += 8) {
        var q0 = IntVector.fromMemorySegment(I, ALL, b, LE);
        var q1 = IntVector.fromMemorySegment(I, ALL, b + V, LE);
        var q2 = IntVector.fromMemorySegment(I, ALL, b + 2 * V, LE);
        for (int j = 0; j < 8; j++) { // the lowest of a lane's numbers comes first
          var w0 = (FloatVector) q0.lanewise(LSHL, 28 - 4 * j).lanewise(ASHR, 28).convert(I2F, 0);
          var w1 = (FloatVector) q1.lanewise(LSHL, 28 - 4 * j).lanewise(ASHR, 28).convert(I2F, 0);
          var w2 = (FloatVector) q2.lanewise(LSHL, 28 - 4 * j).lanewise(ASHR, 28).convert(I2F, 0);
          var x = FloatVector.broadcast(F, ALL.get(FLOAT, a));
          t00 = x.fma(w0, t00);
          t01 = x.fma(w1, t01);
          t02 = x.fma(w2, t02);
          a += 4;
        }
        b += 3 * V;
      }
      var y = FloatVector.broadcast(F, ALL.get(FLOAT, s));
      c00 = t00.fma(s0.mul(y), c00);
      c01 = t01.fma(s1.mul(y), c01);
      c02 = t02.fma(s2.mul(y), c02);
      s += 4;
    }
    c00.intoMemorySegment(ALL, tile, LE);
    c01.intoMemorySegment(ALL, tile + V, LE);
    c02.intoMemorySegment(ALL, tile + 2 * V, LE);
  }

  static void i4x4(long a, long s, long b, int groups, int group, long tile) {
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
    for (int g = 0; g < groups; g++) {
      var s0 = FloatVector.fromMemorySegment(F, ALL, b, LE);
      var s1 = FloatVector.fromMemorySegment(F, ALL, b + V, LE);
      var s2 = FloatVector.fromMemorySegment(F, ALL, b + 2 * V, LE);
      b += 3 * V;
      var t00 = FloatVector.zero(F);
      var t01 = t00;
      var t02 = t00;
      var t10 = t00;
      var t11 = t00;
      var t12 = t00;
      var t20 = t00;
      var t21 = t00;
      var t22 = t00;
      var t30 = t00;
      var t31 = t00;
      var t32 = t00;
      for (int i = 0; i < group; i += 8) {
        var q0 = IntVector.fromMemorySegment(I, ALL, b, LE);
        var q1 = IntVector.fromMemorySegment(I, ALL, b + V, LE);
        var q2 = IntVector.fromMemorySegment(I, ALL, b + 2 * V, LE);
        for (int j = 0; j < 8; j++) { // the lowest of a lane's numbers comes first
          var w0 = (FloatVector) q0.lanewise(LSHL, 28 - 4 * j).lanewise(ASHR, 28).convert(I2F, 0);
          var w1 = (FloatVector) q1.lanewise(LSHL, 28 - 4 * j).lanewise(ASHR, 28).convert(I2F, 0);
          var w2 = (FloatVector) q2.lanewise(LSHL, 28 - 4 * j).lanewise(ASHR, 28).convert(I2F, 0);
          var x = FloatVector.broadcast(F, ALL.get(FLOAT, a));
          t00 = x.fma(w0, t00);
          t01 = x.fma(w1, t01);
          t02 = x.fma(w2, t02);
          x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 4));
          t10 = x.fma(w0, t10);
          t11 = x.fma(w1, t11);
          t12 = x.fma(w2, t12);
          x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 8));
          t20 = x.fma(w0, t20);
          t21 = x.fma(w1, t21);
          t22 = x.fma(w2, t22);
          x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 12));
          t30 = x.fma(w0, t30);
          t31 = x.fma(w1, t31);
          t32 = x.fma(w2, t32);
          a += 16;
        }
        b += 3 * V;
      }
      var y = FloatVector.broadcast(F, ALL.get(FLOAT, s));
      c00 = t00.fma(s0.mul(y), c00);
      c01 = t01.fma(s1.mul(y), c01);
      c02 = t02.fma(s2.mul(y), c02);
      y = FloatVector.broadcast(F, ALL.get(FLOAT, s + 4));
      c10 = t10.fma(s0.mul(y), c10);
      c11 = t11.fma(s1.mul(y), c11);
      c12 = t12.fma(s2.mul(y), c12);
      y = FloatVector.broadcast(F, ALL.get(FLOAT, s + 8));
      c20 = t20.fma(s0.mul(y), c20);
      c21 = t21.fma(s1.mul(y), c21);
      c22 = t22.fma(s2.mul(y), c22);
      y = FloatVector.broadcast(F, ALL.get(FLOAT, s + 12));
      c30 = t30.fma(s0.mul(y), c30);
      c31 = t31.fma(s1.mul(y), c31);
      c32 = t32.fma(s2.mul(y), c32);
      s += 16;
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

  static void f32x8(long a, long s, long b, long scales, int groups, int group, long tile) {
    for (int g = 0; g < groups; g++) {
      var t00 = FloatVector.zero(F);
      var t01 = t00;
      var t02 = t00;
      var t10 = t00;
      var t11 = t00;
      var t12 = t00;
      var t20 = t00;
      var t21 = t00;
      var t22 = t00;
      var t30 = t00;
      var t31 = t00;
      var t32 = t00;
      var t40 = t00;
      var t41 = t00;
      var t42 = t00;
      var t50 = t00;
      var t51 = t00;
      var t52 = t00;
      var t60 = t00;
      var t61 = t00;
      var t62 = t00;
      var t70 = t00;
      var t71 = t00;
      var t72 = t00;
      for (int i = 0; i < group; i++) {
        var w0 = FloatVector.fromMemorySegment(F, ALL, b, LE);
        var w1 = FloatVector.fromMemorySegment(F, ALL, b + V, LE);
        var w2 = FloatVector.fromMemorySegment(F, ALL, b + 2 * V, LE);
        var x = FloatVector.broadcast(F, ALL.get(FLOAT, a));
        t00 = x.fma(w0, t00);
        t01 = x.fma(w1, t01);
        t02 = x.fma(w2, t02);
        x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 4));
        t10 = x.fma(w0, t10);
        t11 = x.fma(w1, t11);
        t12 = x.fma(w2, t12);
        x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 8));
        t20 = x.fma(w0, t20);
        t21 = x.fma(w1, t21);
        t22 = x.fma(w2, t22);
        x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 12));
        t30 = x.fma(w0, t30);
        t31 = x.fma(w1, t31);
        t32 = x.fma(w2, t32);
        x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 16));
        t40 = x.fma(w0, t40);
        t41 = x.fma(w1, t41);
        t42 = x.fma(w2, t42);
        x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 20));
        t50 = x.fma(w0, t50);
        t51 = x.fma(w1, t51);
        t52 = x.fma(w2, t52);
        x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 24));
        t60 = x.fma(w0, t60);
        t61 = x.fma(w1, t61);
        t62 = x.fma(w2, t62);
        x = FloatVector.broadcast(F, ALL.get(FLOAT, a + 28));
        t70 = x.fma(w0, t70);
        t71 = x.fma(w1, t71);
        t72 = x.fma(w2, t72);
        a += 32;
        b += 3 * V;
      }
      var s0 = FloatVector.fromMemorySegment(F, ALL, scales, LE);
      var s1 = FloatVector.fromMemorySegment(F, ALL, scales + V, LE);
      var s2 = FloatVector.fromMemorySegment(F, ALL, scales + 2 * V, LE);
      var y = FloatVector.broadcast(F, ALL.get(FLOAT, s));
      t00.fma(s0.mul(y), FloatVector.fromMemorySegment(F, ALL, tile, LE))
          .intoMemorySegment(ALL, tile, LE);
      t01.fma(s1.mul(y), FloatVector.fromMemorySegment(F, ALL, tile + V, LE))
          .intoMemorySegment(ALL, tile + V, LE);
      t02.fma(s2.mul(y), FloatVector.fromMemorySegment(F, ALL, tile + 2 * V, LE))
          .intoMemorySegment(ALL, tile + 2 * V, LE);
      y = FloatVector.broadcast(F, ALL.get(FLOAT, s + 4));
      t10.fma(s0.mul(y), FloatVector.fromMemorySegment(F, ALL, tile + 3 * V, LE))
          .intoMemorySegment(ALL, tile + 3 * V, LE);
      t11.fma(s1.mul(y), FloatVector.fromMemorySegment(F, ALL, tile + 4 * V, LE))
          .intoMemorySegment(ALL, tile + 4 * V, LE);
      t12.fma(s2.mul(y), FloatVector.fromMemorySegment(F, ALL, tile + 5 * V, LE))
          .intoMemorySegment(ALL, tile + 5 * V, LE);
      y = FloatVector.broadcast(F, ALL.get(FLOAT, s + 8));
      t20.fma(s0.mul(y), FloatVector.fromMemorySegment(F, ALL, tile + 6 * V, LE))
          .intoMemorySegment(ALL, tile + 6 * V, LE);
      t21.fma(s1.mul(y), FloatVector.fromMemorySegment(F, ALL, tile + 7 * V, LE))
          .intoMemorySegment(ALL, tile + 7 * V, LE);
      t22.fma(s2.mul(y), FloatVector.fromMemorySegment(F, ALL, tile + 8 * V, LE))
          .intoMemorySegment(ALL, tile + 8 * V, LE);
      y = FloatVector.broadcast(F, ALL.get(FLOAT, s + 12));
      t30.fma(s0.mul(y), FloatVector.fromMemorySegment(F, ALL, tile + 9 * V, LE))
          .intoMemorySegment(ALL, tile + 9 * V, LE);
      t31.fma(s1.mul(y), FloatVector.fromMemorySegment(F, ALL, tile + 10 * V, LE))
          .intoMemorySegment(ALL, tile + 10 * V, LE);
      t32.fma(s2.mul(y), FloatVector.fromMemorySegment(F, ALL, tile + 11 * V, LE))
          .intoMemorySegment(ALL, tile + 11 * V, LE);
      y = FloatVector.broadcast(F, ALL.get(FLOAT, s + 16));
      t40.fma(s0.mul(y), FloatVector.fromMemorySegment(F, ALL, tile + 12 * V, LE))
          .intoMemorySegment(ALL, tile + 12 * V, LE);
      t41.fma(s1.mul(y), FloatVector.fromMemorySegment(F, ALL, tile + 13 * V, LE))
          .intoMemorySegment(ALL, tile + 13 * V, LE);
      t42.fma(s2.mul(y), FloatVector.fromMemorySegment(F, ALL, tile + 14 * V, LE))
          .intoMemorySegment(ALL, tile + 14 * V, LE);
      y = FloatVector.broadcast(F, ALL.get(FLOAT, s + 20));
      t50.fma(s0.mul(y), FloatVector.fromMemorySegment(F, ALL, tile + 15 * V, LE))
          .intoMemorySegment(ALL, tile + 15 * V, LE);
      t51.fma(s1.mul(y), FloatVector.fromMemorySegment(F, ALL, tile + 16 * V, LE))
          .intoMemorySegment(ALL, tile + 16 * V, LE);
      t52.fma(s2.mul(y), FloatVector.fromMemorySegment(F, ALL, tile + 17 * V, LE))
          .intoMemorySegment(ALL, tile + 17 * V, LE);
      y = FloatVector.broadcast(F, ALL.get(FLOAT, s + 24));
      t60.fma(s0.mul(y), FloatVector.fromMemorySegment(F, ALL, tile + 18 * V, LE))
          .intoMemorySegment(ALL, tile + 18 * V, LE);
      t61.fma(s1.mul(y), FloatVector.fromMemorySegment(F, ALL, tile + 19 * V, LE))
          .intoMemorySegment(ALL, tile + 19 * V, LE);
      t62.fma(s2.mul(y), FloatVector.fromMemorySegment(F, ALL, tile + 20 * V, LE))
          .intoMemorySegment(ALL, tile + 20 * V, LE);
      y = FloatVector.broadcast(F, ALL.get(FLOAT, s + 28));
      t70.fma(s0.mul(y), FloatVector.fromMemorySegment(F, ALL, tile + 21 * V, LE))
          .intoMemorySegment(ALL, tile + 21 * V, LE);
      t71.fma(s1.mul(y), FloatVector.fromMemorySegment(F, ALL, tile + 22 * V, LE))
          .intoMemorySegment(ALL, tile + 22 * V, LE);
      t72.fma(s2.mul(y), FloatVector.fromMemorySegment(F, ALL, tile + 23 * V, LE))
          .intoMemorySegment(ALL, tile + 23 * V, LE);
      s += 32;
      scales += 3 * V;
    }
  }
}
