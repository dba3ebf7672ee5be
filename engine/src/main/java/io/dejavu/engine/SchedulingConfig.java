package io.dejavu.engine;

/// What memory the {@link StepPlanner} plans with, besides the pool.
///
/// @param blockTokens S, tokens in a block
/// @param blockBytes of a block in all layers
/// @param swapBlocks most blocks that host memory holds for preempted sequences; 0: they are
///   computed again
/// @param prefixCache whether prompts that begin alike share what is computed
/// @param model tells caches of different models apart: all that decides about keys and values
/// @param tiers what there is behind the pool for prompts that begin alike; nothing without the
///   prefix cache
public record SchedulingConfig(
    int blockTokens,
    long blockBytes,
    int swapBlocks,
    boolean prefixCache,
    String model,
    TierConfig tiers) {
  public SchedulingConfig {
    if (blockTokens < 1 || blockBytes < 1 || swapBlocks < 0) {
      throw new IllegalArgumentException(
          "blocks of %d tokens and %d bytes, %d of them on the host"
              .formatted(blockTokens, blockBytes, swapBlocks));
    }
  }

  /// With the prefix cache and without host memory.
  public static SchedulingConfig of(int blockTokens) {
    return new SchedulingConfig(blockTokens, 1, 0, true, "", TierConfig.NONE);
  }

  public SchedulingConfig withSwap(int swapBlocks, long blockBytes) {
    return new SchedulingConfig(blockTokens, blockBytes, swapBlocks, prefixCache, model, tiers);
  }

  public SchedulingConfig withPrefixCache(boolean prefixCache) {
    return new SchedulingConfig(blockTokens, blockBytes, swapBlocks, prefixCache, model, tiers);
  }

  public SchedulingConfig withModel(String model) {
    return new SchedulingConfig(blockTokens, blockBytes, swapBlocks, prefixCache, model, tiers);
  }

  public SchedulingConfig withTiers(TierConfig tiers) {
    return new SchedulingConfig(blockTokens, blockBytes, swapBlocks, prefixCache, model, tiers);
  }
}
