package io.dejavu.model;

import io.dejavu.tensor.Activation;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// GPT-NeoX and Pythia: attention and feed-forward side by side (in some models one after the
/// other), rotary positions on a part of each head.
final class GptNeox extends Architecture {
  GptNeox(Config config) {
    super(config, sizes(config));
  }

  private static Sizes sizes(Config config) {
    var width = config.integer("hidden_size");
    var heads = config.integer("num_attention_heads");
    return new Sizes(
        config.integer("vocab_size"),
        width,
        config.integer("num_hidden_layers"),
        heads,
        heads,
        Architectures.headSize(config, "num_attention_heads", width, heads),
        config.integer("intermediate_size"),
        config.integer("max_position_embeddings", 2048),
        width);
  }

  private boolean attentionBias() {
    return config().flag("attention_bias", true);
  }

  @Override
  List<String> prefixes() {
    return List.of("gpt_neox.", "");
  }

  @Override
  String tokens() {
    return "embed_in";
  }

  @Override
  boolean tied() {
    return config().flag("tie_word_embeddings", false);
  }

  @Override
  String output() {
    return "embed_out";
  }

  @Override
  @Nullable String finalNorm() {
    return "final_layer_norm";
  }

  @Override
  Norm norm() {
    return Norm.layer((float) config().positive("layer_norm_eps", 1e-5));
  }

  @Override
  Residual residual() {
    return config().flag("use_parallel_residual", true) ? Residual.PARALLEL : Residual.PRE_NORM;
  }

  @Override
  String attentionNorm() {
    return "input_layernorm";
  }

  @Override
  Qkv qkv() {
    return new Qkv.Interleaved(new Projection("attention.query_key_value", attentionBias()));
  }

  @Override
  Projection attentionOut() {
    return new Projection("attention.dense", attentionBias());
  }

  @Override
  float @Nullable [] ropeFrequencies() {
    return Rope.frequencies(config(), sizes().headSize(), 0.25);
  }

  @Override
  String feedForwardNorm() {
    return "post_attention_layernorm";
  }

  @Override
  Activation activation() {
    return Architectures.activation(config(), "hidden_act", "gelu");
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
