package io.dejavu.kv;

import java.util.Arrays;

/// Which blocks hold a sequence's keys and values, in the order of its positions.
///
/// @param blockTokens S
/// @param blocks block `i` holds positions `[i * S, (i + 1) * S)`; nobody changes them
public record BlockTable(int blockTokens, int[] blocks) {
  public BlockTable {
    if (blockTokens < 1) {
      throw new IllegalArgumentException("blocks of %d tokens".formatted(blockTokens));
    }
  }

  /// Positions that fit.
  public int tokens() {
    return blocks.length * blockTokens;
  }

  /// Where the keys and values of `position` go: `block * S + slot`, as `Kernels.append` takes it.
  public int slot(int position) {
    return blocks[position / blockTokens] * blockTokens + position % blockTokens;
  }

  @Override
  public String toString() {
    return "%d blocks of %d tokens %s"
        .formatted(blocks.length, blockTokens, Arrays.toString(blocks));
  }
}
