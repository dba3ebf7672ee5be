package io.dejavu.tensor;

import java.util.Arrays;

/// A weight matrix of {@link PlainKernels}: every weight widened to f32 after it was rounded to the
/// format, row by row. The definition of quantisation.
final class PlainMatrix implements PackedMatrix {
  private final float[][] weights; // [N][K]
  private final int columns;
  private final MatrixFormat format;

  PlainMatrix(MatrixSource source, MatrixFormat format) {
    this.format = format;
    this.columns = source.columns();
    this.weights = new float[source.rows()][columns];
    for (int row = 0; row < weights.length; row++) {
      source.read(row, weights[row], 0);
      weights(weights[row], format.weights(), format.group());
    }
  }

  /// Rounds a row of weights to what `type` can hold.
  private static void weights(float[] row, DType type, int group) {
    switch (type) {
      case F32 -> {}
      case F16 -> apply(row, x -> Float.float16ToFloat(Float.floatToFloat16(x)));
      case BF16 -> apply(row, x -> BFloat16.toFloat(BFloat16.fromFloat(x)));
      case I8, I4 -> quantise(row, type, group);
      case I32 -> throw new IllegalArgumentException("weights in i32");
    }
  }

  /// Rounds the activations of one row to what products of `format` take.
  static void activations(float[] row, MatrixFormat format) {
    if (format.activations() == DType.I8) {
      var integers = new byte[format.group()];
      for (int from = 0; from < row.length; from += integers.length) {
        widen(Quantisation.activations(row, from, integers), integers, row, from);
      }
    } else {
      weights(row, format.activations(), 0);
    }
  }

  private static void quantise(float[] row, DType type, int group) {
    var integers = new byte[group];
    for (int from = 0; from < row.length; from += group) {
      widen(Quantisation.weights(type, row, from, integers), integers, row, from);
    }
  }

  private static void widen(float scale, byte[] integers, float[] row, int from) {
    for (int i = 0; i < Math.min(integers.length, row.length - from); i++) {
      row[from + i] = scale * integers[i];
    }
  }

  private interface Rounding {
    float of(float x);
  }

  private static void apply(float[] row, Rounding rounding) {
    for (int i = 0; i < row.length; i++) {
      row[i] = rounding.of(row[i]);
    }
  }

  float[] row(int row) {
    return weights[row];
  }

  @Override
  public int rows() {
    return weights.length;
  }

  @Override
  public int columns() {
    return columns;
  }

  @Override
  public MatrixFormat format() {
    return format;
  }

  @Override
  public long bytes() {
    return 4L * weights.length * columns;
  }

  @Override
  public void close() {
    Arrays.fill(weights, null);
  }
}
