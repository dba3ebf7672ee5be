package io.dejavu.model;

import io.dejavu.tensor.Activation;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// A family of decoders: which of the shared parts it is made of, and how its checkpoints name the
/// weights. One short subclass per family; `docs/how-to/add-a-model.md` walks through one.
///
/// The parts, in the order in which a token passes them: embedding (+ positions, projection, norm),
/// `layers` times attention and feed-forward, norm (+ projection), logits. Names are without prefix
/// and without `.weight`; a layer's names are without {@link #layer}.
public abstract class Architecture {
  private final Config config;
  private final Sizes sizes;

  Architecture(Config config, Sizes sizes) {
    this.config = config;
    this.sizes = sizes;
  }

  final Config config() {
    return config;
  }

  public final Sizes sizes() {
    return sizes;
  }

  /// What checkpoints put in front of every name but the output's; the first that fits is taken.
  abstract List<String> prefixes();

  // Embedding and output.

  /// The token embedding, `[V, embedding]`.
  abstract String tokens();

  /// Whether the output matrix is the token embedding.
  abstract boolean tied();

  /// The output matrix, `[V, embedding]`, if not tied. It never has a prefix.
  String output() {
    return "lm_head";
  }

  /// Learned positions that are added to the embedding.
  ///
  /// @param name the table's
  /// @param skip rows in front of position 0
  record PositionTable(String name, int skip) {}

  @Nullable PositionTable positions() {
    return null;
  }

  /// Norm of the embedding.
  @Nullable String embeddingNorm() {
    return null;
  }

  /// From `embedding` to `width`.
  @Nullable String projectIn() {
    return null;
  }

  /// From `width` to `embedding`.
  @Nullable String projectOut() {
    return null;
  }

  /// Norm before the output.
  abstract @Nullable String finalNorm();

  // Layers.

  abstract Norm norm();

  Residual residual() {
    return Residual.PRE_NORM;
  }

  /// Prefix of layer `index`.
  String layer(int index) {
    return "layers.%d.".formatted(index);
  }

  /// Whether matrices within layers are stored `[inputs, outputs]`.
  boolean transposed() {
    return false;
  }

  /// `n₁` of {@link Residual}.
  abstract String attentionNorm();

  abstract Qkv qkv();

  /// Norms of each query head and each key head.
  record HeadNorms(String query, String key) {}

  @Nullable HeadNorms headNorms() {
    return null;
  }

  /// What attention's result passes through.
  abstract Projection attentionOut();

  /// Angles per position of the rotary embedding.
  float @Nullable [] ropeFrequencies() {
    return null;
  }

  /// Whether scores fall with distance, by {@link Alibi}.
  boolean alibi() {
    return false;
  }

  /// Factor of query times key.
  float attentionScale(int layer) {
    return (float) (1 / Math.sqrt(sizes.headSize()));
  }

  /// How many tokens back a layer sees; 0: all.
  int window(int layer) {
    return 0;
  }

  /// `n₂` of {@link Residual}.
  abstract String feedForwardNorm();

  abstract Activation activation();

  /// What feeds the activation; null: no gate, {@link #up} does.
  @Nullable Projection gate() {
    return null;
  }

  abstract Projection up();

  abstract Projection down();
}
