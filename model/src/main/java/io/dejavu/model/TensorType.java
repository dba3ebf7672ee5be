package io.dejavu.model;

import io.dejavu.tensor.DType;
import org.jspecify.annotations.Nullable;

/// Element types that a safetensors file may name. We compute with three of them; the others are
/// known so that a file that holds them beside its weights (masks, counters) can be checked.
enum TensorType {
  BOOL(8),
  F4(4),
  F6_E2M3(6),
  F6_E3M2(6),
  U8(8),
  I8(8),
  F8_E5M2(8),
  F8_E4M3(8),
  F8_E5M2FNUZ(8),
  F8_E4M3FNUZ(8),
  F8_E8M0(8),
  I16(16),
  U16(16),
  F16(16),
  BF16(16),
  I32(32),
  U32(32),
  F32(32),
  C64(64),
  F64(64),
  I64(64),
  U64(64);

  private final int bits;

  TensorType(int bits) {
    this.bits = bits;
  }

  int bits() {
    return bits;
  }

  /// Null where we do not compute with it.
  @Nullable DType computed() {
    return switch (this) {
      case F32 -> DType.F32;
      case F16 -> DType.F16;
      case BF16 -> DType.BF16;
      case BOOL,
          F4,
          F6_E2M3,
          F6_E3M2,
          U8,
          I8,
          F8_E5M2,
          F8_E4M3,
          F8_E5M2FNUZ,
          F8_E4M3FNUZ,
          F8_E8M0,
          I16,
          U16,
          I32,
          U32,
          C64,
          F64,
          I64,
          U64 ->
          null;
    };
  }

  static @Nullable TensorType of(String name) {
    for (var type : values()) {
      if (type.name().equals(name)) {
        return type;
      }
    }
    return null;
  }
}
