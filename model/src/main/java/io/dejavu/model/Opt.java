package io.dejavu.model;

import io.dejavu.tensor.Activation;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// OPT and Galactica: learned positions; norms before each part, or in the 350M model after it,
/// which also has a narrower embedding.
final class Opt extends Architecture {
  Opt(Config config) {
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
        config.integer("ffn_dim"),
        config.integer("max_position_embeddings", 2048),
        config.integer("word_embed_proj_dim", width));
  }

  private boolean normsBefore() {
    return config().flag("do_layer_norm_before", true);
  }

  private boolean bias() {
    return config().flag("enable_bias", true);
  }

  private boolean projects() {
    return sizes().embedding() != sizes().width();
  }

  @Override
  List<String> prefixes() {
    return List.of("model.decoder.", "decoder.", "");
  }

  @Override
  String tokens() {
    return "embed_tokens";
  }

  @Override
  boolean tied() {
    return config().flag("tie_word_embeddings", true);
  }

  /// The table starts with two rows for padding.
  @Override
  @Nullable PositionTable positions() {
    return new PositionTable("embed_positions", 2);
  }

  @Override
  @Nullable String projectIn() {
    return projects() ? "project_in" : null;
  }

  @Override
  @Nullable String projectOut() {
    return projects() ? "project_out" : null;
  }

  @Override
  @Nullable String finalNorm() {
    return normsBefore() && !config().flag("_remove_final_layer_norm", false)
        ? "final_layer_norm"
        : null;
  }

  @Override
  Norm norm() {
    var weighted = config().flag("layer_norm_elementwise_affine", true);
    return new Norm(Norm.Kind.LAYER, 1e-5f, weighted);
  }

  @Override
  Residual residual() {
    return normsBefore() ? Residual.PRE_NORM : Residual.POST_NORM;
  }

  @Override
  String attentionNorm() {
    return "self_attn_layer_norm";
  }

  @Override
  Qkv qkv() {
    return new Qkv.Separate(
        new Projection("self_attn.q_proj", bias()),
        new Projection("self_attn.k_proj", bias()),
        new Projection("self_attn.v_proj", bias()));
  }

  @Override
  Projection attentionOut() {
    return new Projection("self_attn.out_proj", bias());
  }

  @Override
  String feedForwardNorm() {
    return "final_layer_norm";
  }

  @Override
  Activation activation() {
    return Architectures.activation(config(), "activation_function", "relu");
  }

  @Override
  Projection up() {
    return new Projection("fc1", bias());
  }

  @Override
  Projection down() {
    return new Projection("fc2", bias());
  }
}
