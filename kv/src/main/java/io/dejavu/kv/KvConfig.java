package io.dejavu.kv;

/// How much memory keys and values may take.
///
/// @param blockTokens S, a power of two
/// @param bytes exactly so much; 0: as much as `sequences` of full length need, at most `fraction`
///   of the free memory and `mostBytes`
/// @param sequences of full length that there should be room for, if `bytes` is 0; shorter ones are
///   more
/// @param fraction of the free memory, if `bytes` is 0
/// @param mostBytes never more, if `bytes` is 0: memory is zeroed at start, which takes time
/// @param swapBytes most host memory for sequences that lose their place for want of memory; taken
///   when it is needed. 0: they are computed again
/// @param prefixCache whether prompts that begin alike share what is computed of them
public record KvConfig(
    int blockTokens,
    long bytes,
    int sequences,
    double fraction,
    long mostBytes,
    long swapBytes,
    boolean prefixCache,
    KvTierConfig tiers) {
  public static final KvConfig DEFAULT =
      new KvConfig(KvLayout.BLOCK_TOKENS, 0, 16, 0.6, 4L << 30, 1L << 30, true);

  public KvConfig(
      int blockTokens,
      long bytes,
      int sequences,
      double fraction,
      long mostBytes,
      long swapBytes,
      boolean prefixCache) {
    this(
        blockTokens,
        bytes,
        sequences,
        fraction,
        mostBytes,
        swapBytes,
        prefixCache,
        KvTierConfig.NONE);
  }

  public KvConfig {
    if (Integer.bitCount(blockTokens) != 1) {
      throw new IllegalArgumentException("blocks of %d tokens".formatted(blockTokens));
    }
    if (bytes < 0
        || swapBytes < 0
        || sequences < 1
        || mostBytes < 1
        || !(fraction > 0 && fraction < 1)) {
      throw new IllegalArgumentException(
          "%d bytes of KV memory, or for %d sequences %s of the free memory but at most %d bytes"
              .formatted(bytes, sequences, fraction, mostBytes));
    }
  }

  public KvConfig withBytes(long bytes) {
    return new KvConfig(
        blockTokens, bytes, sequences, fraction, mostBytes, swapBytes, prefixCache, tiers);
  }

  /// Room for one sequence, however long.
  public KvConfig forOneSequence() {
    return new KvConfig(blockTokens, 0, 1, fraction, Long.MAX_VALUE, 0, prefixCache);
  }

  public KvConfig withSwapBytes(long swapBytes) {
    return new KvConfig(
        blockTokens, bytes, sequences, fraction, mostBytes, swapBytes, prefixCache, tiers);
  }

  public KvConfig withPrefixCache(boolean prefixCache) {
    return new KvConfig(
        blockTokens, bytes, sequences, fraction, mostBytes, swapBytes, prefixCache, tiers);
  }

  public KvConfig withTiers(KvTierConfig tiers) {
    return new KvConfig(
        blockTokens, bytes, sequences, fraction, mostBytes, swapBytes, prefixCache, tiers);
  }

  /// How many blocks to open.
  ///
  /// @param blockBytes of a block in all layers
  /// @param context most tokens of a sequence
  /// @param freeBytes of the memory where they will lie
  /// @throws IllegalArgumentException if there is no room for one block
  public int blocks(long blockBytes, int context, long freeBytes) {
    long room = bytes > 0 ? bytes : Math.min((long) (freeBytes * fraction), mostBytes);
    long fit = room / blockBytes;
    if (bytes == 0) {
      fit = Math.min(fit, (long) KvLayout.blocksFor(context, blockTokens) * sequences);
    }
    // Kernels count slots in 32 bits.
    fit = Math.min(fit, Integer.MAX_VALUE / blockTokens);
    if (fit < 1) {
      throw new IllegalArgumentException(
          "a KV block takes %d bytes, there is room for %d".formatted(blockBytes, room));
    }
    return (int) fit;
  }
}
