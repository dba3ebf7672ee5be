package io.dejavu.model;

/// Qwen 2 and 2.5: Llama with biases of queries, keys and values, and in some models a sliding
/// window over the upper layers.
class Qwen2 extends Llama {
  Qwen2(Config config) {
    this(config, 0);
  }

  Qwen2(Config config, int headSize) {
    super(config, headSize);
  }

  @Override
  boolean qkvBias() {
    return true;
  }

  @Override
  boolean outBias() {
    return false;
  }

  @Override
  int window(int layer) {
    if (!config().flag("use_sliding_window", false)) {
      return 0;
    }
    var types = config().texts("layer_types");
    if (!types.isEmpty() && types.size() != sizes().layers()) {
      throw config().expected("layer_types", "one entry per layer, " + sizes().layers());
    }
    var slides =
        types.isEmpty()
            ? layer >= config().integerIn("max_window_layers", 0, Config.MOST, 28)
            : types.get(layer).equals("sliding_attention");
    return slides ? config().integer("sliding_window", 0) : 0;
  }
}
