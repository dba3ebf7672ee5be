package io.dejavu.backend.cpu;

import io.dejavu.tensor.DType;

/// f32 activations with int8 or int4 weights: each weight becomes `scale · q`, which is exact in
/// f32, then `sum = fma(x[k], weight, sum)`, one column after another.
///
/// Registers: sums from the bottom; from the top two vectors of packed weights, two of weights, two
/// of scales, two of `-offset · scale`, one activation in every lane, one mask.
final class DequantTile extends TileEmitter {
  private final PanelLayout layout;
  private final int group;

  DequantTile(PanelLayout layout, int rows, int lines) {
    super(layout.vectorBytes(), rows, lines);
    this.layout = layout;
    this.group = layout.format().group();
  }

  static int maxRows(int vectorBytes) {
    return vectorBytes == 64 ? 8 : 3;
  }

  @Override
  int panelBytes() {
    return layout.stepBytes();
  }

  @Override
  int rowBytes() {
    return 4 * group;
  }

  @Override
  void constants() {
    a.ones(mask());
    a.vpsrld(mask(), mask(), nibbles() ? 28 : 24);
  }

  @Override
  void step() {
    for (int half = 0; half < 2; half++) {
      var scale = last(4 + half);
      a.vpmovzxwd(scale, PANEL.at(layout.stepBytes() - vectorBytes + half * vectorBytes / 2));
      a.vpslld(scale, scale, 16);
      offset(half);
    }
    for (int k = 0; k < group; k++) {
      weights(k, 0);
      weights(k, 1);
      for (int row = 0; row < rows; row++) {
        var x = last(8);
        a.vbroadcastss(x, activation(row, 4 * k));
        a.vfmadd231ps(sum(row, 0), x, last(2));
        a.vfmadd231ps(sum(row, 1), x, last(3));
      }
      ahead(k + 1, group);
    }
  }

  /// `-128 · scale` or `-8 · scale`: a power of two is added to the exponent as an integer.
  private void offset(int half) {
    var offset = last(6 + half);
    if (layout.signedPairs() && !nibbles()) {
      a.zero(offset);
      return;
    }
    a.vmovaps(offset, last(4 + half));
    for (int doubled = 0; doubled < (nibbles() ? 3 : 7); doubled++) {
      a.vaddps(offset, offset, offset);
    }
    var zero = last(2);
    a.zero(zero);
    a.vsubps(offset, zero, offset);
  }

  /// Column `k` of one half of the panel into `last(2 + half)`.
  private void weights(int k, int half) {
    var packed = last(half);
    var to = last(2 + half);
    if (nibbles()) {
      if (k % 8 == 0) {
        a.vmovups(packed, PANEL.at((k / 8 * 2 + half) * vectorBytes));
      }
      shiftRight(to, packed, k % 4 * 8 + k / 4 % 2 * 4);
      a.vpand(to, to, mask());
    } else if (layout.signedPairs()) {
      if (k % 2 == 0) {
        a.vpmovsxwd(packed, PANEL.at((k / 2 * 2 + half) * vectorBytes / 2));
        a.vpslld(to, packed, 24);
        a.vpsrad(to, to, 24);
      } else {
        a.vpsrad(to, packed, 8);
      }
    } else {
      if (k % 4 == 0) {
        a.vmovups(packed, PANEL.at((k / 4 * 2 + half) * vectorBytes));
      }
      shiftRight(to, packed, k % 4 * 8);
      a.vpand(to, to, mask());
    }
    a.vcvtdq2ps(to, to);
    a.vfmadd213ps(to, last(4 + half), last(6 + half));
  }

  private void shiftRight(Vec to, Vec from, int bits) {
    if (bits == 0) {
      a.vmovaps(to, from);
    } else {
      a.vpsrld(to, from, bits);
    }
  }

  private boolean nibbles() {
    return layout.format().weights() == DType.I4;
  }

  private Vec mask() {
    return last(9);
  }
}
