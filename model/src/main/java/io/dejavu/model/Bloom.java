package io.dejavu.model;

import io.dejavu.tensor.Activation;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// BLOOM: attention with linear biases instead of positions, a norm of the embedding.
final class Bloom extends Architecture {
  Bloom(Config config) {
    super(config, sizes(config));
    if (config.flag("apply_residual_connection_post_layernorm", false)) {
      throw config.expected("apply_residual_connection_post_layernorm", "false");
    }
  }

  private static Sizes sizes(Config config) {
    var width = config.integer(config.has("n_embed") ? "n_embed" : "hidden_size");
    var headsKey = config.has("n_head") ? "n_head" : "num_attention_heads";
    var heads = config.integer(headsKey);
    return new Sizes(
        config.integer("vocab_size"),
        width,
        config.integer(config.has("n_layer") ? "n_layer" : "num_hidden_layers"),
        heads,
        heads,
        Architectures.headSize(config, headsKey, width, heads),
        config.integer("n_inner", 4 * width),
        config.integer("seq_length", 2048),
        width);
  }

  @Override
  List<String> prefixes() {
    return List.of("transformer.", "");
  }

  @Override
  String tokens() {
    return "word_embeddings";
  }

  @Override
  boolean tied() {
    return config().flag("tie_word_embeddings", true);
  }

  @Override
  @Nullable String embeddingNorm() {
    return "word_embeddings_layernorm";
  }

  @Override
  @Nullable String finalNorm() {
    return "ln_f";
  }

  @Override
  Norm norm() {
    return Norm.layer((float) config().positive("layer_norm_epsilon", 1e-5));
  }

  @Override
  String layer(int index) {
    return "h.%d.".formatted(index);
  }

  @Override
  String attentionNorm() {
    return "input_layernorm";
  }

  @Override
  Qkv qkv() {
    return new Qkv.Interleaved(new Projection("self_attention.query_key_value", true));
  }

  @Override
  Projection attentionOut() {
    return new Projection("self_attention.dense", true);
  }

  @Override
  boolean alibi() {
    return true;
  }

  @Override
  String feedForwardNorm() {
    return "post_attention_layernorm";
  }

  @Override
  Activation activation() {
    return Activation.GELU_TANH;
  }

  @Override
  Projection up() {
    return new Projection("mlp.dense_h_to_4h", true);
  }

  @Override
  Projection down() {
    return new Projection("mlp.dense_4h_to_h", true);
  }
}
