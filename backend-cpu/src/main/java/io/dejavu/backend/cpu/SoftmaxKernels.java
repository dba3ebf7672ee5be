package io.dejavu.backend.cpu;

import static io.dejavu.backend.cpu.Memory.ALL;
import static io.dejavu.backend.cpu.VectorMath.F;

import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/// What attention does between its two products, one row at a time.
final class SoftmaxKernels {
  /// Partial sums of weights, by position modulo this: one vector of the widest kind.
  private static final int PARTIALS = 16;

  private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;
  private static final int L = F.length();
  private static final FloatVector LANES = FloatVector.zero(F).addIndex(1);

  private SoftmaxKernels() {}

  /// `out = x · scale`
  static void scale(long x, float scale, long out, int n) {
    int i = 0;
    for (; i <= n - L; i += L) {
      FloatVector.fromMemorySegment(F, ALL, x + 4L * i, LE)
          .mul(scale)
          .intoMemorySegment(ALL, out + 4L * i, LE);
    }
    for (; i < n; i++) {
      Memory.set(out + 4L * i, Memory.real(x + 4L * i) * scale);
    }
  }

  /// Adds `slope · position` to the scores `[low, high)`, fills up to whole sixteens on both sides
  /// with -∞, and finds the largest.
  ///
  /// @param split position of score 0
  static float max(long scores, int low, int high, float slope, int split) {
    var from = low / PARTIALS * PARTIALS;
    var to = Math.ceilDiv(high, PARTIALS) * PARTIALS;
    for (int i = from; i < low; i++) {
      Memory.set(scores + 4L * i, Float.NEGATIVE_INFINITY);
    }
    for (int i = high; i < to; i++) {
      Memory.set(scores + 4L * i, Float.NEGATIVE_INFINITY);
    }
    var max = FloatVector.broadcast(F, Float.NEGATIVE_INFINITY);
    if (slope == 0) {
      for (int i = from; i < to; i += L) {
        max = max.max(FloatVector.fromMemorySegment(F, ALL, scores + 4L * i, LE));
      }
    } else {
      for (int i = from; i < to; i += L) {
        var position = LANES.add(split + i);
        var score =
            position.fma(
                FloatVector.broadcast(F, slope),
                FloatVector.fromMemorySegment(F, ALL, scores + 4L * i, LE));
        score.intoMemorySegment(ALL, scores + 4L * i, LE);
        max = max.max(score);
      }
    }
    return max.reduceLanes(VectorOperators.MAX);
  }

  /// Scores to weights `exp(score - max)`.
  ///
  /// @param lanes scratch of 16 floats
  /// @return the sum of the weights
  static double exp(long scores, int low, int high, float max, long lanes) {
    var from = low / PARTIALS * PARTIALS;
    var to = Math.ceilDiv(high, PARTIALS) * PARTIALS;
    for (int i = from; i < to; i += L) {
      var x = FloatVector.fromMemorySegment(F, ALL, scores + 4L * i, LE).sub(max);
      VectorMath.exp(x).intoMemorySegment(ALL, scores + 4L * i, LE);
    }
    for (int j = 0; j < PARTIALS; j += L) {
      var sum = FloatVector.zero(F);
      for (int i = from + j; i < to; i += PARTIALS) {
        sum = sum.add(FloatVector.fromMemorySegment(F, ALL, scores + 4L * i, LE));
      }
      sum.intoMemorySegment(ALL, lanes + 4L * j, LE);
    }
    double a = 0;
    double b = 0;
    for (int i = 0; i < PARTIALS; i += 2) {
      a += Memory.real(lanes + 4L * i);
      b += Memory.real(lanes + 4L * i + 4);
    }
    return a + b;
  }

  /// `whole = whole · before + (part · norm) · here`; `whole` is not read where `before` is 0.
  static void merge(long whole, float before, long part, float norm, float here, int n) {
    for (int i = 0; i < n; i += L) {
      var y = FloatVector.fromMemorySegment(F, ALL, part + 4L * i, LE).mul(norm).mul(here);
      if (before != 0) {
        y =
            FloatVector.fromMemorySegment(F, ALL, whole + 4L * i, LE)
                .fma(FloatVector.broadcast(F, before), y);
      }
      y.intoMemorySegment(ALL, whole + 4L * i, LE);
    }
  }
}
