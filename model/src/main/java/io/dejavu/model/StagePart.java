package io.dejavu.model;

/// The part of a model that one stage on one device computes: a range of layers, and of each of
/// them a range of heads and feed-forward rows.
///
/// @param firstLayer its first layer
/// @param lastLayer one after its last layer
/// @param shard which of the head ranges, from 0
/// @param shards into how many each layer is cut
public record StagePart(int firstLayer, int lastLayer, int shard, int shards) {
  public StagePart {
    if (firstLayer < 0 || lastLayer <= firstLayer || shard < 0 || shard >= shards) {
      throw new IllegalArgumentException(
          "layers [%d, %d), shard %d of %d".formatted(firstLayer, lastLayer, shard, shards));
    }
  }

  /// All of a model.
  public static StagePart whole(int layers) {
    return new StagePart(0, layers, 0, 1);
  }

  /// Stage `stage` of `stages` that share the layers as evenly as possible, the first ones taking
  /// one more.
  public static StagePart ofPipeline(int layers, int stage, int stages) {
    if (stages < 1 || stages > layers || stage < 0 || stage >= stages) {
      throw new IllegalArgumentException(
          "stage %d of %d for %d layers".formatted(stage, stages, layers));
    }
    var each = layers / stages;
    var more = layers % stages;
    var first = stage * each + Math.min(stage, more);
    return new StagePart(first, first + each + (stage < more ? 1 : 0), 0, 1);
  }

  /// The same layers, `shard` of `shards`.
  public StagePart shard(int shard, int shards) {
    return new StagePart(firstLayer, lastLayer, shard, shards);
  }

  public int layers() {
    return lastLayer - firstLayer;
  }
}
