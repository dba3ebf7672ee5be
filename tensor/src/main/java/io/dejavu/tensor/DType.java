package io.dejavu.tensor;

/// What one element of a tensor or matrix is. Quantised types (`I8`, `I4`) carry a scale per group
/// of elements, which {@link MatrixFormat} names.
public enum DType {
  F32(32),
  F16(16),
  BF16(16),
  I32(32),
  I8(8),
  I4(4);

  private final int bits;

  DType(int bits) {
    this.bits = bits;
  }

  /// Bits of one element, without scales.
  public int bits() {
    return bits;
  }

  /// Bytes that `elements` elements take, without scales.
  public long bytes(long elements) {
    return Math.ceilDiv(elements * bits, 8L);
  }
}
