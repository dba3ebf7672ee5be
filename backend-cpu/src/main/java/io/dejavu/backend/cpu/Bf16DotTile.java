package io.dejavu.backend.cpu;

/// bf16 weights and activations with `vdpbf16ps`, which adds the products of two columns at a time.
///
/// Registers: sums from the bottom; from the top two vectors of pairs of weights and one pair of
/// activations in every lane.
final class Bf16DotTile extends TileEmitter {
  static final int MAX_ROWS = 12;
  private static final int PAIRS = 4;

  Bf16DotTile(int rows, int lines) {
    super(64, rows, lines);
  }

  @Override
  int panelBytes() {
    return 2 * PAIRS * vectorBytes;
  }

  @Override
  int rowBytes() {
    return 4 * PAIRS;
  }

  @Override
  void step() {
    for (int pair = 0; pair < PAIRS; pair++) {
      a.vmovups(last(0), PANEL.at(2 * pair * vectorBytes));
      a.vmovups(last(1), PANEL.at((2 * pair + 1) * vectorBytes));
      for (int row = 0; row < rows; row++) {
        var x = last(2);
        a.vpbroadcastd(x, activation(row, 4 * pair));
        a.vdpbf16ps(sum(row, 0), last(0), x);
        a.vdpbf16ps(sum(row, 1), last(1), x);
      }
      ahead(pair + 1, PAIRS);
    }
  }
}
