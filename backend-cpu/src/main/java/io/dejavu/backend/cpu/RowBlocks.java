package io.dejavu.backend.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import io.dejavu.tensor.BFloat16;
import io.dejavu.tensor.DType;
import io.dejavu.tensor.MatrixFormat;
import io.dejavu.tensor.Quantisation;
import io.dejavu.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/// The rows of a product's left side as panel kernels read them: in blocks of 1, 4 or 8 rows
/// `[K][size]`, filled up with zeros, rounded to the format's activations; behind all of them the
/// scales of groups, `[groups][size]` for each block.
///
/// @param rows of x
/// @param most rows of a block, 4 or 8
/// @param columns K with its zeros
/// @param groups of a row, 0 where weights are not quantised
record RowBlocks(int rows, int most, int columns, int groups) {
  int count() {
    return Math.ceilDiv(rows, most);
  }

  /// First row of a block.
  int first(int block) {
    return block * most;
  }

  /// Rows of a block, those of zeros too.
  int size(int block) {
    var left = rows - first(block);
    return left >= most ? most : left == 1 ? 1 : left <= 4 ? 4 : most;
  }

  /// Where a block's values are, in bytes.
  long values(int block) {
    return 4L * first(block) * columns;
  }

  /// Where a block's scales are, in bytes.
  long scales(int block) {
    return 4L * count() * most * columns + 4L * first(block) * groups;
  }

  long bytes() {
    return 4L * count() * most * (columns + groups);
  }

  /// Writes one block.
  void fill(Tensor x, MatrixFormat format, int block, long address) {
    var size = size(block);
    var values = address + values(block);
    var scales = address + scales(block);
    var used = Math.min(size, rows - first(block));
    var first = Memory.address(x) + first(block) * Memory.stride(x);
    if (used < size) {
      TileKernels.zero(values, size * columns);
    }
    if (format.activations() == DType.F32) {
      copy(first, Memory.stride(x), x.columns(), values, used, size);
      for (int i = 0; i < groups * size; i++) {
        Memory.set(scales + 4L * i, 1f);
      }
      return;
    }
    var row = new float[columns];
    var codes = new byte[format.group()];
    for (int r = 0; r < used; r++) {
      var from = first + r * Memory.stride(x);
      MemorySegment.copy(Memory.ALL, JAVA_FLOAT_UNALIGNED, from, row, 0, x.columns());
      if (format.activations() == DType.BF16) {
        for (int k = 0; k < columns; k++) {
          Memory.set(values + 4L * (k * size + r), BFloat16.toFloat(BFloat16.fromFloat(row[k])));
        }
      } else {
        for (int g = 0; g < groups; g++) {
          var k = g * format.group();
          Memory.set(scales + 4L * (g * size + r), Quantisation.activations(row, k, codes));
          for (int i = 0; i < codes.length; i++) {
            Memory.set(values + 4L * ((k + i) * size + r), (float) codes[i]);
          }
        }
      }
    }
  }

  private void copy(long from, long stride, int n, long to, int used, int size) {
    if (size == 1) {
      Memory.copy(from, to, 4L * n);
    } else if (used == 8) {
      TileKernels.interleave8(from, stride, n, to);
    } else {
      for (int r = 0; r < used; r++) {
        for (int k = 0; k < n; k++) {
          Memory.set(to + 4L * (k * size + r), Memory.real(from + r * stride + 4L * k));
        }
      }
    }
    for (int i = n * size; i < columns * size; i++) {
      Memory.set(to + 4L * i, 0f);
    }
  }
}
