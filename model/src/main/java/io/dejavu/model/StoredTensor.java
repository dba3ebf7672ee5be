package io.dejavu.model;

import io.dejavu.tensor.DType;
import io.dejavu.tensor.MappedFile;
import io.dejavu.tensor.MatrixSource;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Objects;

/// One tensor of a mapped file. Bytes `[offset, offset + elements × size)` of the file are known to
/// be there.
final class StoredTensor {
  private static final ValueLayout.OfFloat F32 =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfShort I16 =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final MappedFile file;
  private final String name;
  private final TensorType type;
  private final int[] shape;
  private final long offset;

  StoredTensor(MappedFile file, String name, TensorType type, int[] shape, long offset) {
    this.file = file;
    this.name = name;
    this.type = type;
    this.shape = shape;
    this.offset = offset;
  }

  int[] shape() {
    return shape.clone();
  }

  MappedFile file() {
    return file;
  }

  /// What its elements are, refused if we do not compute with them.
  DType type() {
    var computed = type.computed();
    if (computed == null) {
      throw wrong("holds %s; weights are read from F32, F16 and BF16".formatted(type));
    }
    return computed;
  }

  MatrixSource matrix(int rows, int columns) {
    expect(rows, columns);
    return new Matrix(type(), rows, columns);
  }

  float[] vector(int size) {
    expect(size);
    var vector = new float[size];
    new Matrix(type(), 1, size).read(0, vector, 0);
    return vector;
  }

  private void expect(int... expected) {
    if (!Arrays.equals(shape, expected)) {
      throw wrong(
          "has shape %s, but config.json asks for %s: the two files do not belong together"
              .formatted(Arrays.toString(shape), Arrays.toString(expected)));
    }
  }

  private CheckpointException wrong(String problem) {
    return new CheckpointException(file.path(), "tensor \"%s\" %s".formatted(name, problem));
  }

  private final class Matrix implements MatrixSource {
    private final DType type;
    private final int rows;
    private final int columns;

    Matrix(DType type, int rows, int columns) {
      this.type = type;
      this.rows = rows;
      this.columns = columns;
    }

    @Override
    public int rows() {
      return rows;
    }

    @Override
    public int columns() {
      return columns;
    }

    @Override
    public void read(int row, float[] target, int at) {
      var bytes = file.bytes();
      Objects.checkIndex(row, rows); // beyond the last one lies another tensor
      long start = offset + type.bytes((long) row * columns);
      try {
        switch (type) {
          case F32 -> MemorySegment.copy(bytes, F32, start, target, at, columns);
          case BF16 -> widenBf16(bytes, start, target, at, columns);
          case F16 -> widenF16(bytes, start, target, at, columns);
          case I32, I8, I4 -> throw new IllegalStateException("no weights of " + type);
        }
      } catch (InternalError e) {
        // What the JVM makes of a page that is no longer there.
        throw new CheckpointException(file.path(), "was cut or cannot be read any more", e);
      }
      if (!finite(target, at, columns)) {
        throw notFinite(row, target, at);
      }
    }

    private CheckpointException notFinite(int row, float[] target, int at) {
      int column = 0;
      while (Float.isFinite(target[at + column])) {
        column++;
      }
      var where =
          shape.length == 1 ? "element " + column : "row %d, column %d".formatted(row, column);
      return wrong(
          "is %s at %s: damaged in training or on its way".formatted(target[at + column], where));
    }
  }

  private static void widenBf16(MemorySegment bytes, long start, float[] target, int at, int n) {
    for (int i = 0; i < n; i++) {
      target[at + i] = Float.intBitsToFloat(bytes.get(I16, start + 2L * i) << 16);
    }
  }

  private static void widenF16(MemorySegment bytes, long start, float[] target, int at, int n) {
    for (int i = 0; i < n; i++) {
      target[at + i] = Float.float16ToFloat(bytes.get(I16, start + 2L * i));
    }
  }

  /// No NaN or infinity in it: those alone have an exponent of all ones, which the addition carries
  /// into the sign bit.
  private static boolean finite(float[] values, int from, int n) {
    int carry = 0;
    for (int i = from; i < from + n; i++) {
      carry |= (Float.floatToRawIntBits(values[i]) & 0x7fff_ffff) + 0x0080_0000;
    }
    return carry >= 0;
  }
}
