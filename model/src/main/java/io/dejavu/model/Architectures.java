package io.dejavu.model;

import io.dejavu.tensor.Activation;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;

/// The families that can be computed, by the name in `config.json`.
public final class Architectures {
  private static final Map<String, Function<Config, Architecture>> ALL =
      new TreeMap<>(
          Map.of(
              "BloomForCausalLM", Bloom::new,
              "GPT2LMHeadModel", Gpt2::new,
              "GPTNeoXForCausalLM", GptNeox::new,
              "LlamaForCausalLM", Llama::new,
              "MistralForCausalLM", Mistral::new,
              "OPTForCausalLM", Opt::new,
              "Qwen2ForCausalLM", Qwen2::new,
              "Qwen3ForCausalLM", Qwen3::new));

  private Architectures() {}

  /// The model that `config` describes.
  ///
  /// @throws CheckpointException if its family is not supported, or the config makes no sense
  public static Architecture of(Config config) {
    var create = ALL.get(config.architecture());
    if (create == null) {
      throw config.expected("architectures", "one of " + String.join(", ", ALL.keySet()));
    }
    return create.apply(config);
  }

  /// Reads the name of an activation.
  static Activation activation(Config config, String key, String fallback) {
    return switch (config.text(key, fallback)) {
      case "relu" -> Activation.RELU;
      case "gelu" -> Activation.GELU;
      case "gelu_new", "gelu_fast", "gelu_pytorch_tanh" -> Activation.GELU_TANH;
      case "silu", "swish" -> Activation.SILU;
      default -> throw config.expected(key, "relu, gelu, gelu_new, gelu_fast or silu");
    };
  }

  /// `width / heads`, checked.
  static int headSize(Config config, String headsKey, int width, int heads) {
    if (width % heads != 0) {
      throw config.expected(headsKey, "a divisor of the width %d".formatted(width));
    }
    return width / heads;
  }
}
