package io.dejavu.model;

import io.dejavu.tensor.Activation;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Llama 2 and 3: RMS norms, rotary positions, grouped-query attention, gated feed-forward.
class Llama extends Architecture {
  Llama(Config config) {
    this(config, 0);
  }

  /// @param headSize D if the config does not say; 0: width / heads
  Llama(Config config, int headSize) {
    super(config, sizes(config, headSize));
  }

  private static Sizes sizes(Config config, int headSize) {
    var width = config.integer("hidden_size");
    var heads = config.integer("num_attention_heads");
    var kvHeads = config.integer("num_key_value_heads", heads);
    if (heads % kvHeads != 0) {
      throw config.expected("num_key_value_heads", "a divisor of the %d heads".formatted(heads));
    }
    var size =
        config.has("head_dim") || headSize != 0
            ? config.integer("head_dim", headSize)
            : Architectures.headSize(config, "num_attention_heads", width, heads);
    if ((long) heads * size > Config.MOST) {
      throw config.expected(
          "head_dim", "at most %,d over all %,d heads".formatted(Config.MOST, heads));
    }
    return new Sizes(
        config.integer("vocab_size"),
        width,
        config.integer("num_hidden_layers"),
        heads,
        kvHeads,
        size,
        config.integer("intermediate_size"),
        config.integer("max_position_embeddings", 2048),
        width);
  }

  /// Whether queries, keys and values have a bias.
  boolean qkvBias() {
    return config().flag("attention_bias", false);
  }

  /// Whether the matrix after attention has a bias.
  boolean outBias() {
    return qkvBias();
  }

  private boolean feedForwardBias() {
    return config().flag("mlp_bias", false);
  }

  @Override
  List<String> prefixes() {
    return List.of("model.", "");
  }

  @Override
  String tokens() {
    return "embed_tokens";
  }

  @Override
  boolean tied() {
    return config().flag("tie_word_embeddings", false);
  }

  @Override
  @Nullable String finalNorm() {
    return "norm";
  }

  @Override
  Norm norm() {
    return Norm.rms((float) config().positive("rms_norm_eps", 1e-6));
  }

  @Override
  String attentionNorm() {
    return "input_layernorm";
  }

  @Override
  Qkv qkv() {
    return new Qkv.Separate(
        new Projection("self_attn.q_proj", qkvBias()),
        new Projection("self_attn.k_proj", qkvBias()),
        new Projection("self_attn.v_proj", qkvBias()));
  }

  @Override
  Projection attentionOut() {
    return new Projection("self_attn.o_proj", outBias());
  }

  @Override
  float @Nullable [] ropeFrequencies() {
    return Rope.frequencies(config(), sizes().headSize(), 1);
  }

  @Override
  String feedForwardNorm() {
    return "post_attention_layernorm";
  }

  @Override
  Activation activation() {
    return Architectures.activation(config(), "hidden_act", "silu");
  }

  @Override
  @Nullable Projection gate() {
    return new Projection("mlp.gate_proj", feedForwardBias());
  }

  @Override
  Projection up() {
    return new Projection("mlp.up_proj", feedForwardBias());
  }

  @Override
  Projection down() {
    return new Projection("mlp.down_proj", feedForwardBias());
  }
}
