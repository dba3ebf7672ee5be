package io.dejavu.kv;

import io.dejavu.tensor.DType;
import java.util.ArrayList;
import java.util.List;

/// How one pipeline of workers has cut a model's keys and values: what two sides must tell each
/// other before keys and values move between them.
///
/// @param kvHeads of the model
/// @param headSize D
/// @param type of an element
/// @param stages which layers each has, in order: all layers of the model, each once
/// @param shards which heads each has, the same in all stages. Together all heads; several may have
///   the same ones, and they need not be equally many
/// @param blockTokens S, a power of two
public record KvSide(
    int kvHeads,
    int headSize,
    DType type,
    List<LayerRange> stages,
    List<HeadRange> shards,
    int blockTokens) {
  public KvSide {
    stages = List.copyOf(stages);
    shards = List.copyOf(shards);
    if (kvHeads < 1 || headSize < 1) {
      throw new IllegalArgumentException("%d heads of size %d".formatted(kvHeads, headSize));
    }
    if (Integer.bitCount(blockTokens) != 1) {
      throw new IllegalArgumentException("blocks of %d tokens".formatted(blockTokens));
    }
    checkStages(stages);
    checkShards(shards, kvHeads);
  }

  /// Cut as evenly as can be: layers that are left over go to the first stages; with more shards
  /// than heads, several have the same head.
  public static KvSide even(
      int layers, int kvHeads, int headSize, DType type, int stages, int shards, int blockTokens) {
    if (stages < 1 || stages > layers || shards < 1) {
      throw new IllegalArgumentException(
          "%d layers in %d stages of %d shards".formatted(layers, stages, shards));
    }
    var ranges = new ArrayList<LayerRange>();
    for (int stage = 0, start = 0; stage < stages; stage++) {
      int end = start + layers / stages + (stage < layers % stages ? 1 : 0);
      ranges.add(new LayerRange(start, end));
      start = end;
    }
    var heads = new ArrayList<HeadRange>();
    for (int shard = 0; shard < shards; shard++) {
      int start = (int) ((long) kvHeads * shard / shards);
      int end = Math.max(start + 1, (int) ((long) kvHeads * (shard + 1) / shards));
      heads.add(new HeadRange(start, end));
    }
    return new KvSide(kvHeads, headSize, type, ranges, heads, blockTokens);
  }

  /// L of the model.
  public int layers() {
    return stages.getLast().end();
  }

  /// Where a worker of this side has its bytes.
  ///
  /// @param blocks B
  public KvLayout layout(int stage, int shard, int blocks) {
    return new KvLayout(stages.get(stage), blocks, shards.get(shard), blockTokens, headSize, type);
  }

  private static void checkStages(List<LayerRange> stages) {
    int next = 0;
    for (var stage : stages) {
      if (stage.start() != next) {
        throw new IllegalArgumentException(
            "stages %s do not have layer %d once".formatted(stages, Math.min(stage.start(), next)));
      }
      next = stage.end();
    }
    if (next == 0) {
      throw new IllegalArgumentException("no stages");
    }
  }

  private static void checkShards(List<HeadRange> shards, int kvHeads) {
    for (var shard : shards) {
      if (shard.end() > kvHeads) {
        throw new IllegalArgumentException("shard %s of %d heads".formatted(shard, kvHeads));
      }
    }
    for (int head = 0; head < kvHeads; head++) {
      int wanted = head;
      if (shards.stream().noneMatch(shard -> shard.contains(wanted))) {
        throw new IllegalArgumentException(
            "no shard of %s has head %d of %d".formatted(shards, head, kvHeads));
      }
    }
  }
}
