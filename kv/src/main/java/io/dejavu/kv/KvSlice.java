package io.dejavu.kv;

/// A piece of one sequence's keys and values: the unit of every move. A value; where its bytes lie
/// is the business of whoever holds a {@link KvLayout} and the sequence's blocks.
///
/// @param layers of the model
/// @param tokens positions of the sequence
/// @param heads kv heads of the model
public record KvSlice(LayerRange layers, TokenRange tokens, HeadRange heads) {
  /// Elements, keys and values together.
  ///
  /// @param headSize D
  public long elements(int headSize) {
    return 2L * layers.count() * tokens.count() * heads.count() * headSize;
  }

  @Override
  public String toString() {
    return "layers %s, tokens %s, heads %s".formatted(layers, tokens, heads);
  }
}
