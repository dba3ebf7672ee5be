package io.dejavu.backend.cpu;

import io.dejavu.tensor.DType;

/// int8 or int4 weights and int8 activations with `vpdpbusd`: an exact integer sum per group, then
/// `sum = fma(float(group sum), weight scale · activation scale, sum)`.
///
/// The instruction wants one side unsigned: weights are stored with 128 (int8) or 8 (int4) added,
/// and a group's integer sum begins with minus that times the sum of its activations, which staging
/// left behind the group.
///
/// Four rows at a time go over the group, whose weights are then in the first-level cache.
/// Registers: sums from the bottom (at most 16); 16..23 integer sums of four rows; then two vectors
/// of weights, two of int4 pairs, two of scales, a mask, and one for passing values.
final class ByteDotTile extends TileEmitter {
  static final int MAX_ROWS = 8;
  private static final int ROWS_AT_ONCE = 4;

  private final boolean nibbles;
  private final int group;

  ByteDotTile(DType weights, int group, int rows, int lines) {
    super(64, rows, lines);
    this.nibbles = weights == DType.I4;
    this.group = group;
  }

  private int weightBytes() {
    return group * 2 * 16 / (nibbles ? 2 : 1);
  }

  @Override
  int panelBytes() {
    return weightBytes() + 2 * 2 * 16;
  }

  @Override
  int rowBytes() {
    return group + 8;
  }

  @Override
  void constants() {
    if (nibbles) { // 0f in each byte
      a.ones(mask());
      a.vpsrlw(mask(), mask(), 12);
      a.vpsllw(passing(), mask(), 8);
      a.vpaddw(mask(), mask(), passing());
    }
  }

  @Override
  void step() {
    for (int half = 0; half < 2; half++) { // bf16 in 32 bytes to f32
      a.vpmovzxwd(scale(half), PANEL.at(weightBytes() + 32 * half));
      a.vpslld(scale(half), scale(half), 16);
    }
    for (int from = 0; from < rows; from += ROWS_AT_ONCE) {
      rows(from, Math.min(from + ROWS_AT_ONCE, rows));
    }
  }

  private void rows(int from, int to) {
    for (int row = from; row < to; row++) {
      a.vpbroadcastd(integer(row, 0), activation(row, group + 4));
      a.vmovaps(integer(row, 1), integer(row, 0));
    }
    for (int quad = 0; quad < group / 4; quad++) {
      loadWeights(quad);
      for (int row = from; row < to; row++) {
        var x = passing();
        a.vpbroadcastd(x, activation(row, 4 * quad));
        a.vpdpbusd(integer(row, 0), weight(0), x);
        a.vpdpbusd(integer(row, 1), weight(1), x);
      }
      if (from == 0) {
        ahead(quad + 1, group / 4);
      }
    }
    for (int row = from; row < to; row++) {
      for (int half = 0; half < 2; half++) {
        var integer = integer(row, half);
        a.vcvtdq2ps(integer, integer);
        a.vmulps(passing(), scale(half), activation(row, group).everywhere());
        a.vfmadd231ps(sum(row, half), integer, passing());
      }
    }
  }

  /// Loads the weights of columns `[4 quad, 4 quad + 4)`.
  private void loadWeights(int quad) {
    for (int half = 0; half < 2; half++) {
      if (!nibbles) {
        a.vmovups(weight(half), PANEL.at((2 * quad + half) * 64));
      } else if (quad % 2 == 0) { // the lower half of each byte; the upper is the next four columns
        a.vmovups(pairs(half), PANEL.at((quad + half) * 64));
        a.vpand(weight(half), pairs(half), mask());
      } else {
        a.vpsrlw(weight(half), pairs(half), 4);
        a.vpand(weight(half), weight(half), mask());
      }
    }
  }

  private Vec integer(int row, int half) {
    return vec(16 + 2 * (row % ROWS_AT_ONCE) + half);
  }

  private Vec weight(int half) {
    return vec(24 + half);
  }

  private Vec pairs(int half) {
    return vec(26 + half);
  }

  private Vec scale(int half) {
    return vec(28 + half);
  }

  private Vec mask() {
    return vec(30);
  }

  private Vec passing() {
    return vec(31);
  }
}
