package io.dejavu.tensor;

/// Symmetric quantisation of a group of numbers to integers with one scale: `x ≈ scale · q`. The
/// definition that every backend packs by.
///
/// Scales of weights are bf16, rounded up, so that they take two bytes and no weight is clipped:
/// `|x - scale · q| ≤ scale / 2` and `scale ≤ 1.008 · max|x| / most` (`most` is 127 or 7). A
/// product `scale · q` is exact in f32.
public final class Quantisation {
  private Quantisation() {}

  /// Quantises `integers.length` weights of `row` from `from` on; columns beyond the row's end
  /// count as zeros.
  ///
  /// @param type `I8` (integers in -127..127) or `I4` (-7..7)
  /// @return the scale, a bf16 number
  public static float weights(DType type, float[] row, int from, byte[] integers) {
    var most =
        switch (type) {
          case I8 -> 127;
          case I4 -> 7;
          case F32, F16, BF16, I32 -> throw new IllegalArgumentException("weights in " + type);
        };
    var scale = BFloat16.toFloat(BFloat16.atLeast(maximum(row, from, integers.length) / most));
    round(row, from, scale, integers);
    return scale;
  }

  /// Quantises activations, as {@link #weights} to `I8` but with a scale of full precision.
  public static float activations(float[] row, int from, byte[] integers) {
    var scale = maximum(row, from, integers.length) / 127;
    round(row, from, scale, integers);
    return scale;
  }

  private static float maximum(float[] row, int from, int count) {
    var maximum = 0f;
    for (int i = from; i < Math.min(from + count, row.length); i++) {
      maximum = Math.max(maximum, Math.abs(row[i]));
    }
    return maximum;
  }

  private static void round(float[] row, int from, float scale, byte[] integers) {
    for (int i = 0; i < integers.length; i++) {
      var x = from + i < row.length ? row[from + i] : 0;
      integers[i] = scale == 0 ? 0 : (byte) Math.rint(x / scale);
    }
  }
}
