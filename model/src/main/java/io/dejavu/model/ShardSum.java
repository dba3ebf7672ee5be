package io.dejavu.model;

import io.dejavu.tensor.Tensor;

/// How the head shards of a stage add up what each computed of a layer.
@FunctionalInterface
public interface ShardSum {
  /// Replaces `partial` in every shard by the sum over all shards, added in the order of their
  /// numbers: `((p₀ + p₁) + p₂) + …`, so that every run and every shard gets the same bits. Called
  /// by all shards in the same order with the same shapes.
  ///
  /// @param partial f32 `[T, M]` on this shard's device
  void sum(Tensor partial);

  /// Of a stage that is not sharded: nothing to add.
  ShardSum ALONE = partial -> {};
}
