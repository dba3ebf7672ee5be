package io.dejavu.backend.cpu;

import static io.dejavu.backend.cpu.Memory.ALL;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import io.dejavu.tensor.BFloat16;
import io.dejavu.tensor.DType;

/// Rows of the KV cache as attention wants them.
final class CacheKernels {
  private CacheKernels() {}

  /// One key into a column.
  static void keys(DType type, long key, int d, long column, long stride) {
    if (type == DType.F32) {
      for (int i = 0; i < d; i++) {
        Memory.set(column + i * stride, Memory.real(key + 4L * i));
      }
    } else {
      for (int i = 0; i < d; i++) {
        Memory.set(
            column + i * stride, BFloat16.toFloat(ALL.get(JAVA_SHORT_UNALIGNED, key + 2L * i)));
      }
    }
  }

  /// One value into a row, filled up to `e` elements.
  static void values(DType type, long value, int d, long row, int e) {
    if (type == DType.F32) {
      Memory.copy(value, row, 4L * d);
    } else {
      for (int i = 0; i < d; i++) {
        Memory.set(row + 4L * i, BFloat16.toFloat(ALL.get(JAVA_SHORT_UNALIGNED, value + 2L * i)));
      }
    }
    for (int i = d; i < e; i++) {
      Memory.set(row + 4L * i, 0f);
    }
  }
}
