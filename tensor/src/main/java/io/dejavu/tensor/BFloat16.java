package io.dejavu.tensor;

/// Conversions between f32 and bfloat16, the upper half of an f32.
public final class BFloat16 {
  private BFloat16() {}

  public static float toFloat(short bits) {
    return Float.intBitsToFloat(bits << 16);
  }

  /// Rounds to nearest, ties to even. NaN stays NaN.
  public static short fromFloat(float value) {
    var bits = Float.floatToRawIntBits(value);
    if (Float.isNaN(value)) {
      return (short) (bits >>> 16 | 0x40);
    }
    return (short) (bits + 0x7fff + (bits >>> 16 & 1) >>> 16);
  }

  /// The least bf16 number that is not less than `value`, which is not negative.
  public static short atLeast(float value) {
    return Float.isNaN(value)
        ? fromFloat(value)
        : (short) (Float.floatToRawIntBits(value) + 0xffff >>> 16);
  }
}
