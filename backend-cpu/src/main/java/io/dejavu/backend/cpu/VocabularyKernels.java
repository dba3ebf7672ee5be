package io.dejavu.backend.cpu;

import static io.dejavu.backend.cpu.Memory.ALL;
import static io.dejavu.backend.cpu.VectorMath.F;

import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/// Passes over one row of logits.
final class VocabularyKernels {
  /// Elements that share a sum.
  static final int BLOCK = 256;

  private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;
  private static final int L = F.length();

  private VocabularyKernels() {}

  /// How many sums a row of `n` has.
  static int sums(int n) {
    return Math.ceilDiv(n, BLOCK);
  }

  /// The largest; NaN if there is one.
  static float max(long x, int n) {
    var max = FloatVector.broadcast(F, Float.NEGATIVE_INFINITY);
    int i = 0;
    for (; i <= n - L; i += L) {
      max = max.max(FloatVector.fromMemorySegment(F, ALL, x + 4L * i, LE));
    }
    var most = max.reduceLanes(VectorOperators.MAX);
    for (; i < n; i++) {
      most = Math.max(most, Memory.real(x + 4L * i));
    }
    return most;
  }

  /// The lowest index of the largest; -1 if any is NaN or all are -∞.
  static int argmax(long x, int n) {
    var max = max(x, n);
    if (Float.isNaN(max) || max == Float.NEGATIVE_INFINITY) {
      return -1;
    }
    int i = 0;
    for (; i <= n - L; i += L) {
      var at =
          FloatVector.fromMemorySegment(F, ALL, x + 4L * i, LE).compare(VectorOperators.EQ, max);
      if (at.anyTrue()) {
        return i + at.firstTrue();
      }
    }
    for (; i < n; i++) {
      if (Memory.real(x + 4L * i) == max) {
        return i;
      }
    }
    throw new IllegalStateException("the logits changed while a token was drawn");
  }

  /// `p = exp((x - max) · factor)` and the sum of each block.
  static void exp(long x, int n, float max, float factor, long p, long sums) {
    int i = 0;
    for (; i <= n - L; i += L) {
      var y = FloatVector.fromMemorySegment(F, ALL, x + 4L * i, LE).sub(max).mul(factor);
      VectorMath.exp(y).intoMemorySegment(ALL, p + 4L * i, LE);
    }
    if (i < n) {
      var in = F.indexInRange(i, n);
      var y = FloatVector.fromMemorySegment(F, ALL, x + 4L * i, LE, in).sub(max).mul(factor);
      VectorMath.exp(y).intoMemorySegment(ALL, p + 4L * i, LE, in);
    }
    sum(p, n, sums);
  }

  /// The sum of each block, of 16 partial sums by index modulo 16.
  static void sum(long p, int n, long sums) {
    for (int block = 0; block < n; block += BLOCK) {
      var end = Math.min(n, block + BLOCK);
      var total = 0.0;
      if (end - block == BLOCK) {
        for (int j = 0; j < 16; j += L) {
          var sum = FloatVector.zero(F);
          for (int i = block + j; i < end; i += 16) {
            sum = sum.add(FloatVector.fromMemorySegment(F, ALL, p + 4L * i, LE));
          }
          for (int lane = 0; lane < L; lane++) {
            total += sum.lane(lane);
          }
        }
      } else {
        for (int i = block; i < end; i++) {
          total += Memory.real(p + 4L * i);
        }
      }
      Memory.set(sums + 4L * (block / BLOCK), (float) total);
    }
  }

  /// How many are larger than `value`.
  static int above(long x, int n, float value) {
    var count = 0;
    int i = 0;
    for (; i <= n - L; i += L) {
      count +=
          FloatVector.fromMemorySegment(F, ALL, x + 4L * i, LE)
              .compare(VectorOperators.GT, value)
              .trueCount();
    }
    for (; i < n; i++) {
      count += Memory.real(x + 4L * i) > value ? 1 : 0;
    }
    return count;
  }

  /// The largest `top`, largest first, the lowest index of equals first.
  static void largest(long x, int n, int top, long ids, long values) {
    var found = 0;
    if (top == 0) {
      return;
    }
    for (int from = 0; from < n; from += L) {
      var in = F.indexInRange(from, n);
      VectorMask<Float> better = in;
      if (found == top) {
        var least = Memory.real(values + 4L * (top - 1));
        better =
            FloatVector.fromMemorySegment(F, ALL, x + 4L * from, LE, in)
                .compare(VectorOperators.GT, least)
                .and(in);
      }
      if (!better.anyTrue()) {
        continue;
      }
      for (int i = from; i < Math.min(n, from + L); i++) {
        var value = Memory.real(x + 4L * i);
        if (found < top || value > Memory.real(values + 4L * (top - 1))) {
          found = Math.min(top, found + 1);
          insert(i, value, found, ids, values);
        }
      }
    }
  }

  /// Writes a candidate where it belongs among `found` places, of which the last is free.
  private static void insert(int id, float value, int found, long ids, long values) {
    var place = found - 1;
    while (place > 0 && Memory.real(values + 4L * (place - 1)) < value) {
      Memory.set(values + 4L * place, Memory.real(values + 4L * (place - 1)));
      Memory.set(ids + 4L * place, Memory.integer(ids + 4L * (place - 1)));
      place--;
    }
    Memory.set(values + 4L * place, value);
    Memory.set(ids + 4L * place, id);
  }
}
