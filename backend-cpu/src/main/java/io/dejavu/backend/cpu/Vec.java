package io.dejavu.backend.cpu;

/// A vector register, or a part of one.
///
/// @param number 0..31; from 16 on only AVX-512 instructions reach it
/// @param bytes 16 (xmm), 32 (ymm) or 64 (zmm)
record Vec(int number, int bytes) implements Operand {
  Vec {
    if (number < 0 || number > 31 || bytes != 16 && bytes != 32 && bytes != 64) {
      throw new IllegalArgumentException("vector register %d of %d bytes".formatted(number, bytes));
    }
  }

  static Vec xmm(int number) {
    return new Vec(number, 16);
  }

  static Vec ymm(int number) {
    return new Vec(number, 32);
  }

  static Vec zmm(int number) {
    return new Vec(number, 64);
  }

  /// The lower `bytes` of this register.
  Vec lower(int bytes) {
    return new Vec(number, bytes);
  }
}
