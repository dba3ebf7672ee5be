package io.dejavu.model;

/// Mistral: Llama with a sliding window over all layers and no biases.
final class Mistral extends Llama {
  Mistral(Config config) {
    super(config);
  }

  @Override
  boolean qkvBias() {
    return false;
  }

  @Override
  int window(int layer) {
    return config().integer("sliding_window", 0);
  }
}
