package io.dejavu.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.dejavu.tensor.Activation;
import io.dejavu.tensor.DType;
import io.dejavu.tensor.MatrixSource;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ArchitecturesTest {
  private static final String LLAMA =
      """
      "architectures": ["LlamaForCausalLM"], "hidden_size": 64, "num_attention_heads": 8,
      "num_hidden_layers": 4, "intermediate_size": 160, "vocab_size": 512
      """;

  private static Architecture llama(String more) {
    return Architectures.of(config(LLAMA + more));
  }

  private static Config config(String keys) {
    return Config.parse("{" + keys + "}", "config.json");
  }

  @Test
  void anUnknownFamilyIsRefusedWithTheListOfKnownOnes() {
    assertThatThrownBy(() -> Architectures.of(config("\"architectures\": [\"T5Model\"]")))
        .isInstanceOf(CheckpointException.class)
        .hasMessage(
            "config.json: \"architectures\" is [T5Model], expected one of BloomForCausalLM,"
                + " GPT2LMHeadModel, GPTNeoXForCausalLM, LlamaForCausalLM, MistralForCausalLM,"
                + " OPTForCausalLM, Qwen2ForCausalLM, Qwen3ForCausalLM");
  }

  @Test
  void headsThatDoNotFitAreRefused() {
    assertThatThrownBy(() -> llama(", \"num_key_value_heads\": 3"))
        .hasMessage("config.json: \"num_key_value_heads\" is 3, expected a divisor of the 8 heads");
    assertThatThrownBy(() -> Architectures.of(config(LLAMA.replace("64", "60"))))
        .hasMessageContaining("expected a divisor of the width 60");
    assertThatThrownBy(() -> llama(", \"head_dim\": 16000000"))
        .hasMessageContaining("\"head_dim\" is 16000000, expected at most");
  }

  @Test
  void aRopeScalingThatIsNotKnownIsRefused() {
    var model = llama(", \"rope_scaling\": {\"type\": \"yarn\", \"factor\": 4.0}");

    assertThatThrownBy(model::ropeFrequencies)
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining("rope_scaling")
        .hasMessageContaining("yarn")
        .hasMessageContaining("default, linear or llama3");
  }

  @Test
  void bothFormsOfARopeConfigGiveTheSameFrequencies() {
    var scaling =
        "\"factor\": 8.0, \"high_freq_factor\": 4.0, \"low_freq_factor\": 1.0,"
            + " \"original_max_position_embeddings\": 128";

    var older =
        llama(
            ", \"rope_theta\": 500000.0, \"rope_scaling\": {\"rope_type\": \"llama3\", %s}"
                .formatted(scaling));
    var newer =
        llama(
            ", \"rope_parameters\": {\"rope_theta\": 500000.0, \"rope_type\": \"llama3\", %s}"
                .formatted(scaling));

    assertThat(older.ropeFrequencies()).isEqualTo(newer.ropeFrequencies());
  }

  @Test
  void linearScalingStretchesEveryPosition() {
    var plain = llama("").ropeFrequencies();
    var stretched =
        llama(", \"rope_scaling\": {\"type\": \"linear\", \"factor\": 4.0}").ropeFrequencies();

    for (int i = 0; i < plain.length; i++) {
      assertThat(stretched[i]).isCloseTo(plain[i] / 4, within(1e-9f));
    }
  }

  @Test
  void llamaMayHaveBiasesAndTiedEmbeddings() {
    var model =
        llama(", \"attention_bias\": true, \"mlp_bias\": true, \"tie_word_embeddings\": true");

    assertThat(model.attentionOut().bias()).isTrue();
    assertThat(model.down().bias()).isTrue();
    assertThat(model.tied()).isTrue();
    assertThat(llama("").attentionOut().bias()).isFalse();
  }

  /// Layers that see a window, of four.
  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "\"use_sliding_window\": false, \"sliding_window\": 32; 0 0 0 0",
        "\"use_sliding_window\": true, \"sliding_window\": 32, \"max_window_layers\": 2; 0 0 32 32",
        "\"use_sliding_window\": true, \"sliding_window\": 32, \"layer_types\": "
            + "[\"sliding_attention\", \"full_attention\", \"full_attention\", \"sliding_attention\"]"
            + "; 32 0 0 32",
      })
  void qwen2SlidesWhereItsConfigSays(String keys, String expected) {
    var model = Architectures.of(config(LLAMA.replace("LlamaFor", "Qwen2For") + ", " + keys));

    var windows = new StringBuilder();
    for (int i = 0; i < 4; i++) {
      windows.append(i == 0 ? "" : " ").append(model.window(i));
    }
    assertThat(windows).hasToString(expected);
  }

  @Test
  void neoxMayBeSerial() {
    var keys = LLAMA.replace("LlamaFor", "GPTNeoXFor") + ", \"rotary_pct\": 0.5";

    var parallel = Architectures.of(config(keys));
    var serial = Architectures.of(config(keys + ", \"use_parallel_residual\": false"));

    assertThat(parallel.residual()).isEqualTo(Residual.PARALLEL);
    assertThat(serial.residual()).isEqualTo(Residual.PRE_NORM);
    assertThat(serial.ropeFrequencies()).hasSize(2); // half of a head of size 8, in pairs
    assertThat(serial.activation()).isEqualTo(Activation.GELU);
  }

  @Test
  void bloomReadsItsOlderConfigs() {
    var model =
        Architectures.of(
            config(
                """
                "architectures": ["BloomForCausalLM"], "n_embed": 1024, "n_layer": 24,
                "num_attention_heads": 16, "n_inner": null, "seq_length": 2048,
                "vocab_size": 250880
                """));

    assertThat(model.sizes()).isEqualTo(new Sizes(250880, 1024, 24, 16, 16, 64, 4096, 2048, 1024));
    assertThat(model.tied()).isTrue();
  }

  @Test
  void gpt2MayScaleAttentionByLayer() {
    var keys =
        "\"architectures\": [\"GPT2LMHeadModel\"], \"n_embd\": 64, \"n_layer\": 4, \"n_head\": 4,"
            + " \"vocab_size\": 512";

    var usual = Architectures.of(config(keys));
    var scaled = Architectures.of(config(keys + ", \"scale_attn_by_inverse_layer_idx\": true"));
    var plain = Architectures.of(config(keys + ", \"scale_attn_weights\": false"));

    assertThat(usual.attentionScale(3)).isEqualTo(0.25f);
    assertThat(scaled.attentionScale(3)).isEqualTo(0.0625f);
    assertThat(plain.attentionScale(3)).isEqualTo(1);
  }

  /// Real checkpoints leave out the prefix now and then: `gpt2`, `bigscience/bloom-560m`.
  @ParameterizedTest
  @CsvSource({"gpt2, transformer.", "bloom, transformer.", "opt, model.", "llama, model."})
  void namesMayLackTheirPrefix(String name, String prefix) {
    var checkpoint = Checkpoint.of(Golden.ROOT.resolve(name));
    var model = Architectures.of(checkpoint.config());
    var token = Step.Part.draw(new int[] {5}, 0, new int[] {1}, TestModel.greedy(1));
    var step = new Step(List.of(token));
    try (var kernels = Backends.cpu();
        var weights = checkpoint.openWeights();
        var whole = TestModel.of(weights, model, kernels, Precision.FLOAT32, 1);
        var bare = TestModel.of(new Bare(weights, prefix), model, kernels, Precision.FLOAT32, 1)) {
      assertThat(bare.logits(step, 1)).isDeepEqualTo(whole.logits(step, 1));
    }
  }

  /// Weights whose names lost a prefix.
  private record Bare(Weights whole, String prefix) implements Weights {
    private String full(String name) {
      return whole.has(name) && !name.startsWith(prefix) ? name : prefix + name;
    }

    @Override
    public boolean has(String name) {
      return !name.startsWith(prefix) && whole.has(full(name));
    }

    @Override
    public Set<String> names() {
      return whole.names();
    }

    @Override
    public int[] shape(String name) {
      return whole.shape(full(name));
    }

    @Override
    public DType type(String name) {
      return whole.type(full(name));
    }

    @Override
    public MatrixSource matrix(String name, int rows, int columns) {
      return whole.matrix(full(name), rows, columns);
    }

    @Override
    public float[] vector(String name, int size) {
      return whole.vector(full(name), size);
    }

    @Override
    public void close() {}
  }

  /// Slopes of Hugging Face's `build_alibi_tensor`.
  @Test
  void alibiSlopesOfAnyNumberOfHeads() {
    assertThat(Alibi.slopes(4)).containsExactly(0.25f, 0.0625f, 0.015625f, 0.00390625f);
    assertThat(Alibi.slopes(6))
        .containsExactly(0.25f, 0.0625f, 0.015625f, 0.00390625f, 0.5f, 0.125f);
  }
}
