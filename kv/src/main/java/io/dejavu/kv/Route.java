package io.dejavu.kv;

/// What of each sequence goes from one worker of a side to one of another: as many tokens as it
/// has, of these layers and heads.
///
/// @param fromStage of the sending side, counted from 0
/// @param fromShard of that stage
/// @param toStage of the receiving side
/// @param toShard of that stage
/// @param layers of the model
/// @param heads of the model
public record Route(
    int fromStage, int fromShard, int toStage, int toShard, LayerRange layers, HeadRange heads) {
  /// Its part of a sequence's `tokens`.
  public KvSlice slice(TokenRange tokens) {
    return new KvSlice(layers, tokens, heads);
  }

  @Override
  public String toString() {
    return "layers %s, heads %s from stage %d shard %d to stage %d shard %d"
        .formatted(layers, heads, fromStage, fromShard, toStage, toShard);
  }
}
