package io.dejavu.model;

/// What of each layer a shard computes.
///
/// @param firstHead its first query head
/// @param heads how many
/// @param firstKvHead the kv head that its first query head reads
/// @param kvHeads how many; with fewer kv heads than shards, several shards hold the same one
/// @param firstRow its first feed-forward row
/// @param rows how many
record ShardSizes(int firstHead, int heads, int firstKvHead, int kvHeads, int firstRow, int rows) {
  /// Feed-forward rows are cut at multiples of this where there are enough of them, so that groups
  /// of quantised weights stay whole.
  private static final int ROW_UNIT = 32;

  /// @throws IllegalArgumentException if the heads do not divide among the shards
  static ShardSizes of(Sizes sizes, StagePart part) {
    var shards = part.shards();
    var k = sizes.kvHeads();
    if (sizes.heads() % shards != 0 || (k % shards != 0 && shards % k != 0)) {
      throw new IllegalArgumentException(
          "%d attention heads with %d key-value heads cannot be cut into %d equal shards"
              .formatted(sizes.heads(), k, shards));
    }
    var heads = sizes.heads() / shards;
    var firstRow = cut(sizes.feedForward(), part.shard(), shards);
    return new ShardSizes(
        part.shard() * heads,
        heads,
        part.shard() * k / shards,
        Math.max(1, k / shards),
        firstRow,
        cut(sizes.feedForward(), part.shard() + 1, shards) - firstRow);
  }

  private static int cut(int rows, int shard, int shards) {
    if (shard == shards) {
      return rows;
    }
    var at = (int) ((long) rows * shard / shards);
    return rows < ROW_UNIT * shards ? at : at / ROW_UNIT * ROW_UNIT;
  }
}
