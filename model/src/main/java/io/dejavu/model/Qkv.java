package io.dejavu.model;

import java.util.List;
import java.util.stream.IntStream;

/// How a checkpoint stores the projections to queries, keys and values.
sealed interface Qkv {
  /// Three matrices.
  record Separate(Projection q, Projection k, Projection v) implements Qkv {}

  /// One matrix: all query heads, all key heads, all value heads.
  record Fused(Projection qkv) implements Qkv {}

  /// One matrix `[H, 3, D]`: query, key and value of the first head, then of the second, …
  record Interleaved(Projection qkv) implements Qkv {}

  /// Consecutive rows of one checkpoint matrix.
  ///
  /// @param rows of the whole matrix
  record Rows(Projection from, int rows, int[] chosen) {}

  /// The rows that make up a shard's matrix: its query heads, its key heads, its value heads.
  default List<Rows> rows(Sizes sizes, ShardSizes shard) {
    var d = sizes.headSize();
    var h = sizes.heads() * d;
    var k = sizes.kvHeads() * d;
    var q0 = shard.firstHead() * d;
    var q1 = q0 + shard.heads() * d;
    var k0 = shard.firstKvHead() * d;
    var k1 = k0 + shard.kvHeads() * d;
    return switch (this) {
      case Separate(var q, var key, var value) ->
          List.of(
              new Rows(q, h, range(q0, q1)),
              new Rows(key, k, range(k0, k1)),
              new Rows(value, k, range(k0, k1)));
      case Fused(var qkv) ->
          List.of(
              new Rows(qkv, h + 2 * k, range(q0, q1)),
              new Rows(qkv, h + 2 * k, range(h + k0, h + k1)),
              new Rows(qkv, h + 2 * k, range(h + k + k0, h + k + k1)));
      case Interleaved(var qkv) ->
          List.of(
              new Rows(qkv, 3 * h, everyThird(q0, q1, 0, d)),
              new Rows(qkv, 3 * h, everyThird(k0, k1, 1, d)),
              new Rows(qkv, 3 * h, everyThird(k0, k1, 2, d)));
    };
  }

  private static int[] range(int from, int to) {
    return IntStream.range(from, to).toArray();
  }

  private static int[] everyThird(int from, int to, int kind, int d) {
    return IntStream.range(from, to).map(row -> (row / d * 3 + kind) * d + row % d).toArray();
  }
}
