package io.dejavu.engine;

/// How much there is behind the memory of the device for blocks that somebody may want again.
///
/// @param hostBlocks that host memory holds; 0: none
/// @param diskBlocks that the disk holds; 0: none
/// @param storeBlocks most blocks that one {@link StepCommand.Store} writes
/// @param storesUnderWay most of them at a time
public record TierConfig(int hostBlocks, int diskBlocks, int storeBlocks, int storesUnderWay) {
  public static final TierConfig NONE = new TierConfig(0, 0, 1, 1);

  public TierConfig {
    if (hostBlocks < 0 || diskBlocks < 0 || storeBlocks < 1 || storesUnderWay < 1) {
      throw new IllegalArgumentException(
          "%d blocks on the host, %d on disk, %d times %d of them under way"
              .formatted(hostBlocks, diskBlocks, storesUnderWay, storeBlocks));
    }
  }

  public boolean isOff() {
    return hostBlocks + (long) diskBlocks == 0;
  }
}
