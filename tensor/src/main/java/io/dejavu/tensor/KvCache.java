package io.dejavu.tensor;

/// Where the keys and values of one layer lie: block `b` is `[2, K, S, D]` (keys of all heads, then
/// values) from byte `offset + b * blockStride`. A name for memory, not its owner.
///
/// @param offset of block 0 of this layer, in bytes
/// @param blockStride from one block of this layer to the next, in bytes
/// @param type `F32` or `BF16`
/// @param kvHeads `K`
/// @param blockTokens `S`, a power of two that divides {@link Kernels#SPLIT_TOKENS}
/// @param headSize `D`
public record KvCache(
    Buffer buffer,
    long offset,
    long blockStride,
    DType type,
    int kvHeads,
    int blockTokens,
    int headSize) {
  public KvCache {
    if (type != DType.F32 && type != DType.BF16) {
      throw new IllegalArgumentException("keys and values in " + type);
    }
    if (Integer.bitCount(blockTokens) != 1 || Kernels.SPLIT_TOKENS % blockTokens != 0) {
      throw new IllegalArgumentException("blocks of %d tokens".formatted(blockTokens));
    }
    if (kvHeads < 1 || headSize < 1 || offset < 0) {
      throw new IllegalArgumentException(
          "%d heads of size %d at byte %d".formatted(kvHeads, headSize, offset));
    }
    if (blockStride < 2L * kvHeads * blockTokens * type.bytes(headSize)) {
      throw new IllegalArgumentException("blocks overlap: stride %d".formatted(blockStride));
    }
  }

  /// First key element of `head` in `block`, in bytes; the rows of the other slots follow it.
  public long keys(int block, int head) {
    return offset + block * blockStride + head * headBytes();
  }

  /// First value element of `head` in `block`, in bytes; the rows of the other slots follow it.
  public long values(int block, int head) {
    return keys(block, head) + kvHeads * headBytes();
  }

  private long headBytes() {
    return blockTokens * type.bytes(headSize);
  }
}
