package io.dejavu.backend.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/// How one row of activations is written for a tile, once per product.
///
/// The row comes padded with zeros to whole steps.
enum Staging {
  /// As it is.
  FLOATS,
  /// f32 rounded to the nearest bf16, ties to even.
  ROUNDED,
  /// bf16.
  BFLOATS,
  /// Per group int8, the scale as f32, and as i32 minus the offset of the weights times the sum of
  /// the integers.
  BYTES,
  /// As `BYTES`, with 16 bits for each integer.
  WORDS;

  private static final VectorSpecies<Float> F = FloatVector.SPECIES_PREFERRED;
  private static final VectorSpecies<Integer> I = IntVector.SPECIES_PREFERRED;
  private static final VectorSpecies<Short> HALF =
      VectorSpecies.of(short.class, VectorShape.forBitSize(F.vectorBitSize() / 2));
  private static final VectorSpecies<Byte> QUARTER =
      VectorSpecies.of(byte.class, VectorShape.forBitSize(Math.max(64, F.vectorBitSize() / 4)));

  /// Adding it rounds to an integer, which is then in the low bits.
  private static final float ROUNDER = 0x1.8p23f;

  /// Bytes of a staged row.
  ///
  /// @param columns with padding
  int bytes(int columns, int group) {
    return switch (this) {
      case FLOATS, ROUNDED -> 4 * columns;
      case BFLOATS -> 2 * columns;
      case BYTES -> columns / group * (group + 8);
      case WORDS -> columns / group * (2 * group + 8);
    };
  }

  /// Writes `row[0 .. columns)` to address `at`.
  ///
  /// @param columns with padding, a multiple of 16
  /// @param offset what was added to the weights
  void write(float[] row, int columns, int group, int offset, long at) {
    switch (this) {
      case FLOATS -> MemorySegment.copy(row, 0, Memory.ALL, JAVA_FLOAT, at, columns);
      case ROUNDED -> rounded(row, columns, at);
      case BFLOATS -> bfloats(row, columns, at);
      case BYTES -> bytes(row, columns, group, offset, at);
      case WORDS -> words(row, columns, group, offset, at);
    }
  }

  private static void rounded(float[] row, int columns, long at) {
    for (int k = 0; k < columns; k += F.length()) {
      var bits = nearest(FloatVector.fromArray(F, row, k));
      bits.and(0xffff0000).intoMemorySegment(Memory.ALL, at + 4L * k, LITTLE_ENDIAN);
    }
  }

  private static void bfloats(float[] row, int columns, long at) {
    for (int k = 0; k < columns; k += F.length()) {
      var bits = nearest(FloatVector.fromArray(F, row, k));
      var half =
          (ShortVector)
              bits.lanewise(VectorOperators.LSHR, 16).convertShape(VectorOperators.I2S, HALF, 0);
      half.intoMemorySegment(Memory.ALL, at + 2L * k, LITTLE_ENDIAN);
    }
  }

  /// The bits of `x` rounded to bf16, in the upper half of each lane; below them is rubbish.
  private static IntVector nearest(FloatVector x) {
    var bits = x.reinterpretAsInts();
    var odd = bits.lanewise(VectorOperators.LSHR, 16).and(1);
    var rounded = bits.add(0x7fff).add(odd);
    return rounded.blend(bits.or(0x400000), x.test(VectorOperators.IS_NAN).cast(I));
  }

  private static void bytes(float[] row, int columns, int group, int offset, long at) {
    for (int from = 0; from < columns; from += group) {
      var scale = scale(row, from, group);
      var divisor = FloatVector.broadcast(F, scale == 0 ? 1 : scale);
      var sum = IntVector.zero(I);
      for (int k = 0; k < group; k += F.length()) {
        var q = integers(FloatVector.fromArray(F, row, from + k), divisor);
        sum = sum.add(q);
        var bytes = (ByteVector) q.convertShape(VectorOperators.I2B, QUARTER, 0);
        bytes.intoMemorySegment(Memory.ALL, at + k, LITTLE_ENDIAN);
      }
      Memory.set(at + group, scale);
      Memory.set(at + group + 4, -offset * sum.reduceLanes(VectorOperators.ADD));
      at += group + 8;
    }
  }

  private static void words(float[] row, int columns, int group, int offset, long at) {
    for (int from = 0; from < columns; from += group) {
      var scale = scale(row, from, group);
      var divisor = FloatVector.broadcast(F, scale == 0 ? 1 : scale);
      var sum = IntVector.zero(I);
      for (int k = 0; k < group; k += F.length()) {
        var q = integers(FloatVector.fromArray(F, row, from + k), divisor);
        sum = sum.add(q);
        var words = (ShortVector) q.convertShape(VectorOperators.I2S, HALF, 0);
        words.intoMemorySegment(Memory.ALL, at + 2L * k, LITTLE_ENDIAN);
      }
      Memory.set(at + 2L * group, scale);
      Memory.set(at + 2L * group + 4, -offset * sum.reduceLanes(VectorOperators.ADD));
      at += 2L * group + 8;
    }
  }

  /// As {@link io.dejavu.tensor.Quantisation#activations}.
  private static float scale(float[] row, int from, int group) {
    var most = FloatVector.zero(F);
    for (int k = from; k < from + group; k += F.length()) {
      most = most.max(FloatVector.fromArray(F, row, k).abs());
    }
    return most.reduceLanes(VectorOperators.MAX) / 127; // a maximum has no order
  }

  private static IntVector integers(FloatVector x, FloatVector divisor) {
    var rounded = x.div(divisor).add(ROUNDER).reinterpretAsInts();
    return rounded.sub(Float.floatToRawIntBits(ROUNDER));
  }
}
