package io.dejavu.model;

import org.jspecify.annotations.Nullable;

/// Qwen 3: Qwen 2 with a norm of each query and key head in place of the biases.
final class Qwen3 extends Qwen2 {
  Qwen3(Config config) {
    super(config, 128);
  }

  @Override
  boolean qkvBias() {
    return config().flag("attention_bias", false);
  }

  @Override
  boolean outBias() {
    return qkvBias();
  }

  @Override
  @Nullable HeadNorms headNorms() {
    return new HeadNorms("self_attn.q_norm", "self_attn.k_norm");
  }
}
