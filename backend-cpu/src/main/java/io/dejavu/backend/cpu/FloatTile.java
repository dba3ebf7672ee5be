package io.dejavu.backend.cpu;

import io.dejavu.tensor.DType;

/// f32 activations with f32, f16 or bf16 weights, which are widened exactly: `sum = fma(x[k], w[k],
/// sum)`, one column after another.
///
/// Registers: sums from the bottom; from the top two vectors of weights and one activation in every
/// lane, then for bf16 two vectors of pairs of weights and a mask.
final class FloatTile extends TileEmitter {
  private final DType weights;

  FloatTile(DType weights, int vectorBytes, int rows, int lines) {
    super(vectorBytes, rows, lines);
    this.weights = weights;
  }

  static int maxRows(DType weights, int vectorBytes) {
    return vectorBytes == 64 ? 12 : weights == DType.BF16 ? 5 : 6;
  }

  /// Columns in a step.
  static int columns(DType weights) {
    return weights == DType.F32 ? 4 : 8;
  }

  @Override
  int panelBytes() {
    return 8 * vectorBytes;
  }

  @Override
  int rowBytes() {
    return 4 * columns(weights);
  }

  @Override
  void constants() {
    if (weights == DType.BF16) { // ffff0000 in each lane
      a.ones(last(5));
      a.vpslld(last(5), last(5), 16);
    }
  }

  @Override
  void step() {
    for (int k = 0; k < columns(weights); k++) {
      for (int half = 0; half < 2; half++) {
        weights(k, half);
      }
      for (int row = 0; row < rows; row++) {
        var x = last(2);
        a.vbroadcastss(x, activation(row, 4 * k));
        a.vfmadd231ps(sum(row, 0), x, last(0));
        a.vfmadd231ps(sum(row, 1), x, last(1));
      }
      ahead(k + 1, columns(weights));
    }
  }

  /// Column `k` of the weights of one half of the panel into `last(half)`.
  private void weights(int k, int half) {
    var to = last(half);
    switch (weights) {
      case F32 -> a.vmovups(to, PANEL.at((2 * k + half) * vectorBytes));
      case F16 -> a.vcvtph2ps(to, PANEL.at((2 * k + half) * vectorBytes / 2));
      case BF16 -> {
        var pairs = last(3 + half); // column k in the lower, k + 1 in the upper half of each lane
        if (k % 2 == 0) {
          a.vmovups(pairs, PANEL.at((k + half) * vectorBytes));
          a.vpslld(to, pairs, 16);
        } else {
          a.vpand(to, pairs, last(5));
        }
      }
      case I32, I8, I4 -> throw new IllegalArgumentException("weights in " + weights);
    }
  }
}
