package io.dejavu.model;

import io.dejavu.tensor.Activation;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// GPT-2: layer norms, learned positions, matrices stored with inputs first ("Conv1D").
final class Gpt2 extends Architecture {
  Gpt2(Config config) {
    super(config, sizes(config));
  }

  private static Sizes sizes(Config config) {
    var width = config.integer("n_embd");
    var heads = config.integer("n_head");
    return new Sizes(
        config.integer("vocab_size"),
        width,
        config.integer("n_layer"),
        heads,
        heads,
        Architectures.headSize(config, "n_head", width, heads),
        config.integer("n_inner", 4 * width),
        config.integer("n_positions", 1024),
        width);
  }

  @Override
  List<String> prefixes() {
    return List.of("transformer.", "");
  }

  @Override
  String tokens() {
    return "wte";
  }

  @Override
  boolean tied() {
    return config().flag("tie_word_embeddings", true);
  }

  @Override
  @Nullable PositionTable positions() {
    return new PositionTable("wpe", 0);
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
  boolean transposed() {
    return true;
  }

  @Override
  String attentionNorm() {
    return "ln_1";
  }

  @Override
  Qkv qkv() {
    return new Qkv.Fused(new Projection("attn.c_attn", true));
  }

  @Override
  Projection attentionOut() {
    return new Projection("attn.c_proj", true);
  }

  @Override
  float attentionScale(int layer) {
    var scale = config().flag("scale_attn_weights", true) ? super.attentionScale(layer) : 1;
    return config().flag("scale_attn_by_inverse_layer_idx", false) ? scale / (layer + 1) : scale;
  }

  @Override
  String feedForwardNorm() {
    return "ln_2";
  }

  @Override
  Activation activation() {
    return Architectures.activation(config(), "activation_function", "gelu_new");
  }

  @Override
  Projection up() {
    return new Projection("mlp.c_fc", true);
  }

  @Override
  Projection down() {
    return new Projection("mlp.c_proj", true);
  }
}
