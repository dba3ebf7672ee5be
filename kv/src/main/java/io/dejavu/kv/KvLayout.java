package io.dejavu.kv;

import io.dejavu.tensor.Buffer;
import io.dejavu.tensor.DType;
import io.dejavu.tensor.KvCache;
import java.util.Objects;

/// Where each byte of a stage's keys and values lies: `[L, B, 2, K, S, D]`, row-major. This is the
/// one place that says so.
///
/// ```
///  | layer 0                                   | layer 1 …
///  | block 0   | block 1   | … | block B-1     |
///  +-----------+-----------+---+---------------+----
///  |           |
///  | one unit: |
///  | keys                      | values                    |
///  | head 0 | … | head K-1     | head 0 | … | head K-1     |
///    slots 0 … S-1 of D elements
/// ```
///
/// A *block* holds S consecutive tokens of one sequence and has one number in all layers. Its part
/// in one layer, the *unit*, is contiguous; a range of heads of it is two runs. Consecutive blocks
/// of a layer touch, so an extent of blocks is one run per layer.
///
/// @param layers of the model that this stage computes
/// @param blocks B
/// @param heads of the model that this shard computes, K of them
/// @param blockTokens S, a power of two
/// @param headSize D
/// @param type of an element
public record KvLayout(
    LayerRange layers, int blocks, HeadRange heads, int blockTokens, int headSize, DType type) {
  /// S, unless chosen otherwise.
  public static final int BLOCK_TOKENS = 16;

  public KvLayout {
    if (blocks < 1 || headSize < 1) {
      throw new IllegalArgumentException(
          "%d blocks of heads of size %d".formatted(blocks, headSize));
    }
    if (Integer.bitCount(blockTokens) != 1) {
      throw new IllegalArgumentException("blocks of %d tokens".formatted(blockTokens));
    }
  }

  /// The same with another number of blocks.
  public KvLayout withBlocks(int blocks) {
    return new KvLayout(layers, blocks, heads, blockTokens, headSize, type);
  }

  /// K.
  public int kvHeads() {
    return heads.count();
  }

  /// Bytes of a block in one layer.
  public long unitBytes() {
    return type.bytes(2L * kvHeads() * blockTokens * headSize);
  }

  /// Bytes of a block in all layers.
  public long blockBytes() {
    return layers.count() * unitBytes();
  }

  /// Bytes of everything.
  public long bytes() {
    return blocks * blockBytes();
  }

  /// First byte of `block` in `layer` of the model.
  public long offset(int layer, int block) {
    if (!layers.contains(layer)) {
      throw new IndexOutOfBoundsException("layer %d of %s".formatted(layer, layers));
    }
    Objects.checkIndex(block, blocks);
    return ((long) (layer - layers.start()) * blocks + block) * unitBytes();
  }

  /// One layer of the model in a buffer of this layout, as the kernels see it.
  public KvCache cache(Buffer buffer, int layer) {
    return new KvCache(
        buffer, offset(layer, 0), unitBytes(), type, kvHeads(), blockTokens, headSize);
  }

  /// Blocks that a sequence of so many tokens takes.
  public static int blocksFor(int tokens, int blockTokens) {
    return Math.ceilDiv(tokens, blockTokens);
  }
}
