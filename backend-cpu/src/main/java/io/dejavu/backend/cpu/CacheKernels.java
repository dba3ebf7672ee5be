package io.dejavu.backend.cpu;

import static io.dejavu.backend.cpu.Memory.ALL;
import static io.dejavu.backend.cpu.VectorMath.F;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.ZERO_EXTEND_S2I;

import io.dejavu.tensor.BFloat16;
import io.dejavu.tensor.DType;
import java.nio.ByteOrder;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/// Rows of the KV cache as attention wants them: keys across, values widened.
final class CacheKernels {
  private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;
  private static final int L = F.length();
  private static final VectorSpecies<Integer> I = IntVector.SPECIES_PREFERRED;
  private static final VectorSpecies<Short> HALF =
      VectorSpecies.of(short.class, VectorShape.forBitSize(F.vectorBitSize() / 2));

  private static final IntVector LOW_1 = low(1);
  private static final IntVector LOW_2 = low(2);
  private static final IntVector LOW_4 = low(4);
  private static final IntVector LOW_8 = low(8);
  private static final IntVector HIGH_1 = high(1);
  private static final IntVector HIGH_2 = high(2);
  private static final IntVector HIGH_4 = high(4);
  private static final IntVector HIGH_8 = high(8);

  private CacheKernels() {}

  /// Keys that {@link #keys} turns at a time.
  static int keysAtOnce() {
    return L >= 8 ? L : 1;
  }

  /// `to[i, key] = from[key, i]`, widened, for {@link #keysAtOnce} keys.
  ///
  /// @param from [keys, d] without gaps
  /// @param toStride bytes from one element of a key to the next
  static void keys(DType type, long from, int d, long to, long toStride) {
    var bytes = type.bytes(d);
    var pairs = type == DType.BF16;
    int done = 0;
    if (L >= 8) {
      var step = pairs ? 2 * L : L;
      for (; done <= d - step; done += step) {
        var key = from + type.bytes(done);
        var row = to + done * toStride;
        // A pair of bfloat16 is turned as one element, into the second of its two rows.
        turn(key, bytes, pairs ? row + toStride : row, pairs ? 2 * toStride : toStride);
        if (pairs) {
          part(row, toStride);
        }
      }
    }
    for (int key = 0; key < keysAtOnce(); key++) {
      key(type, from + key * bytes, done, d, to + 4L * key, toStride);
    }
  }

  /// The elements `[first, d)` of one key into a column.
  static void key(DType type, long key, int first, int d, long column, long stride) {
    if (type == DType.F32) {
      for (int i = first; i < d; i++) {
        Memory.set(column + i * stride, Memory.real(key + 4L * i));
      }
    } else {
      for (int i = first; i < d; i++) {
        Memory.set(
            column + i * stride, BFloat16.toFloat(ALL.get(JAVA_SHORT_UNALIGNED, key + 2L * i)));
      }
    }
  }

  /// Reads a word of each cache line, so that the memory fetches all of them at the same time.
  ///
  /// @return what must be used, or the compiler would leave the reading out
  static int touch(long from, long bytes) {
    var sum = 0;
    for (long i = 0; i < bytes; i += 64) {
      sum += Memory.integer(from + i);
    }
    return sum;
  }

  /// Some values `[rows, d]` without gaps into rows of `e` elements, filled up with zeros.
  static void values(DType type, long from, int rows, int d, long to, int e) {
    if (d == e) {
      widen(type, from, rows * d, to);
      return;
    }
    for (int r = 0; r < rows; r++) {
      widen(type, from + r * type.bytes(d), d, to + 4L * r * e);
      TileKernels.zero(to + 4L * (r * e + d), e - d);
    }
  }

  private static void widen(DType type, long from, int n, long to) {
    if (type == DType.F32) {
      Memory.copy(from, to, 4L * n);
      return;
    }
    int i = 0;
    for (; i <= n - L; i += L) {
      var halves = ShortVector.fromMemorySegment(HALF, ALL, from + 2L * i, LE);
      ((IntVector) halves.convertShape(ZERO_EXTEND_S2I, I, 0))
          .lanewise(LSHL, 16)
          .intoMemorySegment(ALL, to + 4L * i, LE);
    }
    for (; i < n; i++) {
      Memory.set(to + 4L * i, BFloat16.toFloat(ALL.get(JAVA_SHORT_UNALIGNED, from + 2L * i)));
    }
  }

  private static void turn(long from, long stride, long to, long toStride) {
    if (L == 16) {
      turn16(from, stride, to, toStride);
    } else {
      turn8(from, stride, to, toStride);
    }
  }

  /// Pairs in every second of 2L rows into both rows of each.
  private static void part(long to, long stride) {
    for (int i = 0; i < L; i++) {
      var pairs = IntVector.fromMemorySegment(I, ALL, to + stride, LE);
      pairs.lanewise(LSHL, 16).intoMemorySegment(ALL, to, LE);
      pairs.and(0xffff0000).intoMemorySegment(ALL, to + stride, LE);
      to += 2 * stride;
    }
  }

  // A square of L × L elements is turned in log₂ L rounds: round h swaps, in each pair of rows
  // (i, i + h), the upper right with the lower left squares of h × h.

  private static IntVector low(int h) {
    return indices(h, 0);
  }

  private static IntVector high(int h) {
    return indices(h, h);
  }

  private static IntVector indices(int h, int shift) {
    var lanes = new int[L];
    for (int l = 0; l < L; l++) {
      lanes[l] = (l & h) == 0 ? (l + shift) % L : L + l - h + shift;
    }
    return IntVector.fromArray(I, lanes, 0);
  }

  private static void turn8(long from, long stride, long to, long toStride) {
    var r0 = IntVector.fromMemorySegment(I, ALL, from, LE);
    var r1 = IntVector.fromMemorySegment(I, ALL, from + stride, LE);
    var r2 = IntVector.fromMemorySegment(I, ALL, from + 2 * stride, LE);
    var r3 = IntVector.fromMemorySegment(I, ALL, from + 3 * stride, LE);
    var r4 = IntVector.fromMemorySegment(I, ALL, from + 4 * stride, LE);
    var r5 = IntVector.fromMemorySegment(I, ALL, from + 5 * stride, LE);
    var r6 = IntVector.fromMemorySegment(I, ALL, from + 6 * stride, LE);
    var r7 = IntVector.fromMemorySegment(I, ALL, from + 7 * stride, LE);
    var low = LOW_1;
    var high = HIGH_1;
    var t = low.selectFrom(r0, r1);
    r1 = high.selectFrom(r0, r1);
    r0 = t;
    t = low.selectFrom(r2, r3);
    r3 = high.selectFrom(r2, r3);
    r2 = t;
    t = low.selectFrom(r4, r5);
    r5 = high.selectFrom(r4, r5);
    r4 = t;
    t = low.selectFrom(r6, r7);
    r7 = high.selectFrom(r6, r7);
    r6 = t;
    low = LOW_2;
    high = HIGH_2;
    t = low.selectFrom(r0, r2);
    r2 = high.selectFrom(r0, r2);
    r0 = t;
    t = low.selectFrom(r1, r3);
    r3 = high.selectFrom(r1, r3);
    r1 = t;
    t = low.selectFrom(r4, r6);
    r6 = high.selectFrom(r4, r6);
    r4 = t;
    t = low.selectFrom(r5, r7);
    r7 = high.selectFrom(r5, r7);
    r5 = t;
    low = LOW_4;
    high = HIGH_4;
    t = low.selectFrom(r0, r4);
    r4 = high.selectFrom(r0, r4);
    r0 = t;
    t = low.selectFrom(r1, r5);
    r5 = high.selectFrom(r1, r5);
    r1 = t;
    t = low.selectFrom(r2, r6);
    r6 = high.selectFrom(r2, r6);
    r2 = t;
    t = low.selectFrom(r3, r7);
    r7 = high.selectFrom(r3, r7);
    r3 = t;
    r0.intoMemorySegment(ALL, to, LE);
    r1.intoMemorySegment(ALL, to + toStride, LE);
    r2.intoMemorySegment(ALL, to + 2 * toStride, LE);
    r3.intoMemorySegment(ALL, to + 3 * toStride, LE);
    r4.intoMemorySegment(ALL, to + 4 * toStride, LE);
    r5.intoMemorySegment(ALL, to + 5 * toStride, LE);
    r6.intoMemorySegment(ALL, to + 6 * toStride, LE);
    r7.intoMemorySegment(ALL, to + 7 * toStride, LE);
  }

  private static void turn16(long from, long stride, long to, long toStride) {
    var r0 = IntVector.fromMemorySegment(I, ALL, from, LE);
    var r1 = IntVector.fromMemorySegment(I, ALL, from + stride, LE);
    var r2 = IntVector.fromMemorySegment(I, ALL, from + 2 * stride, LE);
    var r3 = IntVector.fromMemorySegment(I, ALL, from + 3 * stride, LE);
    var r4 = IntVector.fromMemorySegment(I, ALL, from + 4 * stride, LE);
    var r5 = IntVector.fromMemorySegment(I, ALL, from + 5 * stride, LE);
    var r6 = IntVector.fromMemorySegment(I, ALL, from + 6 * stride, LE);
    var r7 = IntVector.fromMemorySegment(I, ALL, from + 7 * stride, LE);
    var r8 = IntVector.fromMemorySegment(I, ALL, from + 8 * stride, LE);
    var r9 = IntVector.fromMemorySegment(I, ALL, from + 9 * stride, LE);
    var r10 = IntVector.fromMemorySegment(I, ALL, from + 10 * stride, LE);
    var r11 = IntVector.fromMemorySegment(I, ALL, from + 11 * stride, LE);
    var r12 = IntVector.fromMemorySegment(I, ALL, from + 12 * stride, LE);
    var r13 = IntVector.fromMemorySegment(I, ALL, from + 13 * stride, LE);
    var r14 = IntVector.fromMemorySegment(I, ALL, from + 14 * stride, LE);
    var r15 = IntVector.fromMemorySegment(I, ALL, from + 15 * stride, LE);
    var low = LOW_1;
    var high = HIGH_1;
    var t = low.selectFrom(r0, r1);
    r1 = high.selectFrom(r0, r1);
    r0 = t;
    t = low.selectFrom(r2, r3);
    r3 = high.selectFrom(r2, r3);
    r2 = t;
    t = low.selectFrom(r4, r5);
    r5 = high.selectFrom(r4, r5);
    r4 = t;
    t = low.selectFrom(r6, r7);
    r7 = high.selectFrom(r6, r7);
    r6 = t;
    t = low.selectFrom(r8, r9);
    r9 = high.selectFrom(r8, r9);
    r8 = t;
    t = low.selectFrom(r10, r11);
    r11 = high.selectFrom(r10, r11);
    r10 = t;
    t = low.selectFrom(r12, r13);
    r13 = high.selectFrom(r12, r13);
    r12 = t;
    t = low.selectFrom(r14, r15);
    r15 = high.selectFrom(r14, r15);
    r14 = t;
    low = LOW_2;
    high = HIGH_2;
    t = low.selectFrom(r0, r2);
    r2 = high.selectFrom(r0, r2);
    r0 = t;
    t = low.selectFrom(r1, r3);
    r3 = high.selectFrom(r1, r3);
    r1 = t;
    t = low.selectFrom(r4, r6);
    r6 = high.selectFrom(r4, r6);
    r4 = t;
    t = low.selectFrom(r5, r7);
    r7 = high.selectFrom(r5, r7);
    r5 = t;
    t = low.selectFrom(r8, r10);
    r10 = high.selectFrom(r8, r10);
    r8 = t;
    t = low.selectFrom(r9, r11);
    r11 = high.selectFrom(r9, r11);
    r9 = t;
    t = low.selectFrom(r12, r14);
    r14 = high.selectFrom(r12, r14);
    r12 = t;
    t = low.selectFrom(r13, r15);
    r15 = high.selectFrom(r13, r15);
    r13 = t;
    low = LOW_4;
    high = HIGH_4;
    t = low.selectFrom(r0, r4);
    r4 = high.selectFrom(r0, r4);
    r0 = t;
    t = low.selectFrom(r1, r5);
    r5 = high.selectFrom(r1, r5);
    r1 = t;
    t = low.selectFrom(r2, r6);
    r6 = high.selectFrom(r2, r6);
    r2 = t;
    t = low.selectFrom(r3, r7);
    r7 = high.selectFrom(r3, r7);
    r3 = t;
    t = low.selectFrom(r8, r12);
    r12 = high.selectFrom(r8, r12);
    r8 = t;
    t = low.selectFrom(r9, r13);
    r13 = high.selectFrom(r9, r13);
    r9 = t;
    t = low.selectFrom(r10, r14);
    r14 = high.selectFrom(r10, r14);
    r10 = t;
    t = low.selectFrom(r11, r15);
    r15 = high.selectFrom(r11, r15);
    r11 = t;
    low = LOW_8;
    high = HIGH_8;
    t = low.selectFrom(r0, r8);
    r8 = high.selectFrom(r0, r8);
    r0 = t;
    t = low.selectFrom(r1, r9);
    r9 = high.selectFrom(r1, r9);
    r1 = t;
    t = low.selectFrom(r2, r10);
    r10 = high.selectFrom(r2, r10);
    r2 = t;
    t = low.selectFrom(r3, r11);
    r11 = high.selectFrom(r3, r11);
    r3 = t;
    t = low.selectFrom(r4, r12);
    r12 = high.selectFrom(r4, r12);
    r4 = t;
    t = low.selectFrom(r5, r13);
    r13 = high.selectFrom(r5, r13);
    r5 = t;
    t = low.selectFrom(r6, r14);
    r14 = high.selectFrom(r6, r14);
    r6 = t;
    t = low.selectFrom(r7, r15);
    r15 = high.selectFrom(r7, r15);
    r7 = t;
    r0.intoMemorySegment(ALL, to, LE);
    r1.intoMemorySegment(ALL, to + toStride, LE);
    r2.intoMemorySegment(ALL, to + 2 * toStride, LE);
    r3.intoMemorySegment(ALL, to + 3 * toStride, LE);
    r4.intoMemorySegment(ALL, to + 4 * toStride, LE);
    r5.intoMemorySegment(ALL, to + 5 * toStride, LE);
    r6.intoMemorySegment(ALL, to + 6 * toStride, LE);
    r7.intoMemorySegment(ALL, to + 7 * toStride, LE);
    r8.intoMemorySegment(ALL, to + 8 * toStride, LE);
    r9.intoMemorySegment(ALL, to + 9 * toStride, LE);
    r10.intoMemorySegment(ALL, to + 10 * toStride, LE);
    r11.intoMemorySegment(ALL, to + 11 * toStride, LE);
    r12.intoMemorySegment(ALL, to + 12 * toStride, LE);
    r13.intoMemorySegment(ALL, to + 13 * toStride, LE);
    r14.intoMemorySegment(ALL, to + 14 * toStride, LE);
    r15.intoMemorySegment(ALL, to + 15 * toStride, LE);
  }
}
