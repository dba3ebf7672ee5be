package io.dejavu.backend.cpu;

import org.jspecify.annotations.Nullable;

/// Memory at `base + index * scale + displacement`.
///
/// @param index null: none
/// @param scale 1, 2, 4 or 8
/// @param broadcast the instruction reads one 32-bit element and uses it in every lane (AVX-512)
record Mem(Reg base, @Nullable Reg index, int scale, int displacement, boolean broadcast)
    implements Operand {
  Mem {
    if (index == Reg.RSP) {
      throw new IllegalArgumentException("rsp cannot be an index");
    }
    if (scale != 1 && scale != 2 && scale != 4 && scale != 8) {
      throw new IllegalArgumentException("an index times " + scale);
    }
  }

  static Mem at(Reg base, int displacement) {
    return new Mem(base, null, 1, displacement, false);
  }

  static Mem at(Reg base, Reg index, int scale, int displacement) {
    return new Mem(base, index, scale, displacement, false);
  }

  /// The same memory, `bytes` further.
  Mem plus(int bytes) {
    return new Mem(base, index, scale, displacement + bytes, broadcast);
  }

  /// The 32-bit element here, in every lane.
  Mem everywhere() {
    return new Mem(base, index, scale, displacement, true);
  }
}
