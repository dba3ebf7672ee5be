package io.dejavu.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import io.dejavu.tensor.Buffer;
import io.dejavu.tensor.DType;
import io.dejavu.tensor.Kernels;
import io.dejavu.tensor.MatrixFormat;
import io.dejavu.tensor.MatrixSource;
import io.dejavu.tensor.PackedMatrix;
import io.dejavu.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/// Tensors of one device made from numbers and read back, all freed together. Strided ones lie in
/// the middle of a larger buffer, at an odd place, and what lies between their rows must stay.
final class TestTensors implements AutoCloseable {
  private static final float GAP = -12345;
  private static final int GAP_BITS = Float.floatToRawIntBits(GAP);

  private final Kernels kernels;
  private final boolean strided;
  private final List<Tensor> tensors = new ArrayList<>();
  private final List<Runnable> closers = new ArrayList<>();

  TestTensors(Kernels kernels, boolean strided) {
    this.kernels = kernels;
    this.strided = strided;
  }

  Kernels kernels() {
    return kernels;
  }

  /// Numbers in [-1, 1) that depend on `seed`, row and column alone.
  Tensor random(long seed, int rows, int columns) {
    return random(seed, 0, rows, columns);
  }

  /// The rows from `first` on of what `random(seed, …)` would give.
  Tensor random(long seed, int first, int rows, int columns) {
    var values = new float[rows][];
    for (int r = 0; r < rows; r++) {
      values[r] = numbers(seed, first + r, columns);
    }
    return floats(values, columns);
  }

  static float[] numbers(long seed, long row, int columns) {
    var random = new SplittableRandom(seed * 1_000_003 + row);
    var values = new float[columns];
    for (int i = 0; i < columns; i++) {
      values[i] = (float) random.nextDouble(-1, 1);
    }
    return values;
  }

  Tensor floats(float[][] values, int columns) {
    var bits = new int[values.length][];
    for (int r = 0; r < values.length; r++) {
      bits[r] = new int[columns];
      for (int i = 0; i < columns; i++) {
        bits[r][i] = Float.floatToRawIntBits(values[r][i]);
      }
    }
    return tensor(DType.F32, bits, columns);
  }

  Tensor ints(int... values) {
    return tensor(DType.I32, new int[][] {values}, values.length);
  }

  Tensor ints(int[][] values, int columns) {
    return tensor(DType.I32, values, columns);
  }

  /// Room for a result; what it holds must not matter.
  Tensor room(int rows, int columns) {
    var values = new float[rows][columns];
    for (var row : values) {
      Arrays.fill(row, Float.NaN);
    }
    return floats(values, columns);
  }

  Tensor integerRoom(int rows, int columns) {
    return tensor(DType.I32, new int[rows][columns], columns);
  }

  private Tensor tensor(DType type, int[][] values, int columns) {
    var stride = strided ? columns + 5 : columns;
    var before = strided ? 3 : 0;
    var all = new int[before + values.length * stride];
    Arrays.fill(all, GAP_BITS);
    for (int r = 0; r < values.length; r++) {
      System.arraycopy(values[r], 0, all, before + r * stride, columns);
    }
    var buffer = buffer(4L * all.length);
    kernels.device().upload(MemorySegment.ofArray(all), buffer, 0);
    var tensor = new Tensor(buffer, 4L * before, type, values.length, columns, stride);
    tensors.add(tensor);
    return tensor;
  }

  Buffer buffer(long bytes) {
    var buffer = kernels.device().allocate(bytes);
    closers.add(buffer::close);
    return buffer;
  }

  /// A matrix that is freed with the tensors.
  PackedMatrix own(PackedMatrix matrix) {
    closers.add(matrix::close);
    return matrix;
  }

  /// A random matrix.
  PackedMatrix matrix(long seed, int rows, int columns, MatrixFormat format) {
    return own(
        kernels.pack(
            new MatrixSource() {
              @Override
              public int rows() {
                return rows;
              }

              @Override
              public int columns() {
                return columns;
              }

              @Override
              public void read(int row, float[] target, int offset) {
                System.arraycopy(numbers(seed, row, columns), 0, target, offset, columns);
              }
            },
            format));
  }

  float[][] read(Tensor tensor) {
    var bits = readInts(tensor);
    var values = new float[bits.length][tensor.columns()];
    for (int r = 0; r < bits.length; r++) {
      for (int i = 0; i < tensor.columns(); i++) {
        values[r][i] = Float.intBitsToFloat(bits[r][i]);
      }
    }
    return values;
  }

  int[][] readInts(Tensor tensor) {
    var all = download(tensor);
    var start = (int) (tensor.offset() / 4);
    var values = new int[tensor.rows()][];
    for (int r = 0; r < values.length; r++) {
      var from = start + r * tensor.stride();
      values[r] = Arrays.copyOfRange(all, from, from + tensor.columns());
    }
    return values;
  }

  private int[] download(Tensor tensor) {
    var all = new int[(int) (tensor.buffer().bytes() / 4)];
    kernels.device().download(tensor.buffer(), 0, MemorySegment.ofArray(all));
    return all;
  }

  /// That nobody wrote between the rows of a tensor.
  void checkGaps() {
    for (var tensor : tensors) {
      var all = download(tensor);
      var start = (int) (tensor.offset() / 4);
      for (int i = 0; i < all.length; i++) {
        var column = i < start ? tensor.columns() : (i - start) % tensor.stride();
        if (column >= tensor.columns()) {
          assertThat(all[i]).as("element %d, outside of %s", i, tensor).isEqualTo(GAP_BITS);
        }
      }
    }
  }

  @Override
  public void close() {
    closers.forEach(Runnable::run);
  }
}
