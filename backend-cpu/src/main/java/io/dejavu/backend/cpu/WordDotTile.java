package io.dejavu.backend.cpu;

import io.dejavu.tensor.DType;

/// int8 or int4 weights and int8 activations with AVX2, which has no dot product of bytes that
/// fits: an exact integer sum per group, then `sum = fma(float(group sum), weight scale ·
/// activation scale, sum)`.
///
/// int8: `vpmaddubsw` would saturate (2 · 255 · 127 > 32767), so weights are widened to 16 bits
/// when loaded and activations were when staged, for `vpmaddwd`.
///
/// int4: weights are stored with 8 added, so a pair of products is at most 2 · 15 · 127 and eight
/// such pairs fit 16 bits: `vpmaddubsw` adds 32 columns exactly before they are widened. A group's
/// integer sum begins with minus 8 times the sum of its activations, which staging left behind the
/// group.
///
/// Sums stay in memory, in the first-level cache, and are touched once per group, because the
/// registers are few: 0..7 integer sums of four rows (int4: 0..3 16-bit and 4..7 32-bit sums of two
/// rows); 8 and 9 weights, 10 and 11 passing values, 12 and 13 pairs of int4 or scales, 14 ones of
/// 16 bits, 15 a mask of nibbles.
final class WordDotTile extends TileEmitter {
  static final int MAX_ROWS = 8;

  private final PanelLayout layout;
  private final int group;
  private final boolean nibbles;

  WordDotTile(PanelLayout layout, int rows, int lines) {
    super(32, rows, lines);
    this.layout = layout;
    this.group = layout.format().group();
    this.nibbles = layout.format().weights() == DType.I4;
  }

  @Override
  int panelBytes() {
    return layout.stepBytes();
  }

  /// Activations of the group, their scale, and the number that their sums begin with.
  @Override
  int rowBytes() {
    return (nibbles ? group : 2 * group) + 8;
  }

  @Override
  void clear() {
    a.zero(vec(0));
    for (int row = 0; row < rows; row++) {
      a.vmovups(sumAt(row, 0), vec(0));
      a.vmovups(sumAt(row, 1), vec(0));
    }
  }

  @Override
  void load() {}

  @Override
  void store() {}

  @Override
  void constants() {
    if (nibbles) {
      a.ones(vec(14));
      a.vpsrlw(vec(15), vec(14), 12);
      a.vpsllw(vec(10), vec(15), 8);
      a.vpaddw(vec(15), vec(15), vec(10));
      a.vpsrlw(vec(14), vec(14), 15);
    }
  }

  @Override
  void step() {
    var atOnce = nibbles ? 2 : 4;
    for (int from = 0; from < rows; from += atOnce) {
      var to = Math.min(from + atOnce, rows);
      if (nibbles) {
        nibbles(from, to);
      } else {
        words(from, to);
      }
      finish(from, to);
    }
  }

  private void words(int from, int to) {
    for (int row = from; row < to; row++) {
      a.zero(integer(from, row, 0));
      a.zero(integer(from, row, 1));
    }
    for (int pair = 0; pair < group / 2; pair++) {
      a.vpmovsxbw(vec(8), PANEL.at(2 * pair * 16));
      a.vpmovsxbw(vec(9), PANEL.at((2 * pair + 1) * 16));
      for (int row = from; row < to; row++) {
        a.vpbroadcastd(vec(10), activation(row, 4 * pair));
        a.vpmaddwd(vec(11), vec(8), vec(10));
        a.vpaddd(integer(from, row, 0), integer(from, row, 0), vec(11));
        a.vpmaddwd(vec(12), vec(9), vec(10));
        a.vpaddd(integer(from, row, 1), integer(from, row, 1), vec(12));
      }
      if (from == 0) {
        ahead(pair + 1, group / 2);
      }
    }
  }

  private void nibbles(int from, int to) {
    for (int row = from; row < to; row++) {
      a.vpbroadcastd(integer(from, row, 0), activation(row, group + 4));
      a.vmovaps(integer(from, row, 1), integer(from, row, 0));
    }
    for (int column = 0; column < group; column += 32) {
      for (int quad = 0; quad < 8; quad++) {
        nibbles(from, to, column + 4 * quad, quad == 0);
        if (from == 0) {
          ahead(column / 4 + quad + 1, group / 4);
        }
      }
      for (int row = from; row < to; row++) {
        for (int half = 0; half < 2; half++) {
          var word = word(from, row, half);
          a.vpmaddwd(word, word, vec(14));
          a.vpaddd(integer(from, row, half), integer(from, row, half), word);
        }
      }
    }
  }

  /// Four columns; the first ones of 32 set the 16-bit sums, the others add to them.
  private void nibbles(int from, int to, int column, boolean first) {
    for (int half = 0; half < 2; half++) {
      if (column % 8 == 0) {
        a.vmovups(vec(12 + half), PANEL.at((column / 8 * 2 + half) * 32));
        a.vpand(vec(8 + half), vec(12 + half), vec(15));
      } else {
        a.vpsrlw(vec(8 + half), vec(12 + half), 4);
        a.vpand(vec(8 + half), vec(8 + half), vec(15));
      }
    }
    for (int row = from; row < to; row++) {
      a.vpbroadcastd(vec(10), activation(row, column));
      for (int half = 0; half < 2; half++) {
        var word = word(from, row, half);
        if (first) {
          a.vpmaddubsw(word, vec(8 + half), vec(10));
        } else {
          a.vpmaddubsw(vec(11), vec(8 + half), vec(10));
          a.vpaddw(word, word, vec(11));
        }
      }
    }
  }

  private void finish(int from, int to) {
    var scales = layout.stepBytes() - 32;
    for (int half = 0; half < 2; half++) {
      a.vpmovzxwd(vec(12 + half), PANEL.at(scales + 16 * half));
      a.vpslld(vec(12 + half), vec(12 + half), 16);
    }
    for (int row = from; row < to; row++) {
      a.vbroadcastss(vec(10), activation(row, rowBytes() - 8));
      for (int half = 0; half < 2; half++) {
        var integer = integer(from, row, half);
        a.vcvtdq2ps(integer, integer);
        a.vmulps(vec(11), vec(12 + half), vec(10));
        a.vfmadd213ps(integer, vec(11), sumAt(row, half));
        a.vmovups(sumAt(row, half), integer);
      }
    }
  }

  private Vec integer(int from, int row, int half) {
    return vec((nibbles ? 4 : 0) + 2 * (row - from) + half);
  }

  private Vec word(int from, int row, int half) {
    return vec(2 * (row - from) + half);
  }
}
