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
      round(weights[row], format.weights(), format.group());
    }
  }

  /// Rounds a row to what `type` can hold.
  static void round(float[] row, DType type, int group) {
    switch (type) {
      case F32 -> {}
      case F16 -> apply(row, x -> Float.float16ToFloat(Float.floatToFloat16(x)));
      case BF16 -> apply(row, x -> BFloat16.toFloat(BFloat16.fromFloat(x)));
      case I8 -> quantise(row, group, 127, -127);
      case I4 -> quantise(row, group, 7, -8);
      case I32 -> throw new IllegalArgumentException("weights in i32");
    }
  }

  private static void quantise(float[] row, int group, int most, int least) {
    for (int from = 0; from < row.length; from += group) {
      var to = Math.min(from + group, row.length);
      var scale = 0f;
      for (int i = from; i < to; i++) {
        scale = Math.max(scale, Math.abs(row[i]));
      }
      scale /= most;
      for (int i = from; i < to; i++) {
        var q = scale == 0 ? 0 : Math.clamp(Math.rint(row[i] / scale), least, most);
        row[i] = (float) q * scale;
      }
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
