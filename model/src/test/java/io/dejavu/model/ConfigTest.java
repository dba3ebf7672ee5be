package io.dejavu.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.dejavu.tensor.DType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ConfigTest {
  @Test
  void valuesComeInTheirTypes() {
    var config =
        config(
            """
            {"n":64,"x":1e-5,"whole":10000,"yes":true,"name":"gelu","none":null,
             "architectures":["LlamaForCausalLM"],"inner":{"factor":8.0},
             "one":2,"several":[128001,128009]}""");

    assertThat(config.integer("n")).isEqualTo(64);
    assertThat(config.integer("none", 7)).isEqualTo(7);
    assertThat(config.integer("absent", 7)).isEqualTo(7);
    assertThat(config.integerIn("n", 0, 64)).isEqualTo(64);
    assertThat(config.integerIn("absent", 0, 64, 3)).isEqualTo(3);
    assertThat(config.real("x")).isEqualTo(1e-5);
    assertThat(config.real("whole")).isEqualTo(10_000);
    assertThat(config.real("absent", 0.5)).isEqualTo(0.5);
    assertThat(config.flag("yes")).isTrue();
    assertThat(config.flag("absent", false)).isFalse();
    assertThat(config.text("name")).isEqualTo("gelu");
    assertThat(config.text("none", "relu")).isEqualTo("relu");
    assertThat(config.has("none")).isFalse();
    assertThat(config.object("inner").real("factor")).isEqualTo(8);
    assertThat(config.architecture()).isEqualTo("LlamaForCausalLM");
    assertThat(config.tokenIds("one")).containsExactly(2);
    assertThat(config.tokenIds("several")).containsExactly(128001, 128009);
    assertThat(config.tokenIds("none")).isEmpty();
  }

  @Test
  void errorsNameFileKeyValueAndWhatWasExpected() {
    var config =
        config(
            """
            {"n":"many","zero":0,"huge":2147483647,"beyond":99999999999999999999,"half":0.5,
             "infinite":Infinity,"nan":NaN,"inner":{"factor":"x"},"list":[1],"architectures":[]}""");

    refused(() -> config.integer("n"), "config.json", "\"n\" is many", "from 1 to 16,777,216");
    refused(() -> config.integer("zero"), "\"zero\" is 0");
    refused(() -> config.integer("huge"), "\"huge\" is 2147483647");
    refused(() -> config.integer("beyond"), "\"beyond\" is");
    refused(() -> config.integer("half"), "\"half\" is 0.5");
    refused(() -> config.integer("absent"), "\"absent\" is missing");
    refused(() -> config.real("infinite"), "\"infinite\" is Infinity", "a number");
    refused(() -> config.real("nan", 1), "\"nan\" is NaN");
    refused(() -> config.positive("zero", 1), "\"zero\" is 0", "above 0");
    refused(() -> config.flag("zero"), "true or false");
    refused(() -> config.text("zero"), "a string");
    refused(() -> config.texts("list"), "a list of strings");
    refused(() -> config.texts("zero"), "a list");
    refused(() -> config.object("zero"), "an object");
    refused(() -> config.object("inner").real("factor"), "\"inner.factor\" is x");
    refused(() -> config.tokenIds("half"), "\"half\"");
    refused(config::architecture, "\"architectures\" is []", "LlamaForCausalLM");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "[]",
        "null",
        "3",
        "{",
        "{\"a\":1,\"a\":2}",
        "{} {}",
        "{\"a\":}",
        "{\"a\":01}",
        "{'a':1}",
        "\u0000"
      })
  void whatIsNoJsonObjectIsRefused(String json) {
    refused(() -> config(json), "config.json");
  }

  @Test
  void nestsWithoutEndAreRefused() {
    refused(() -> config("{\"a\":" + "[".repeat(100_000)), "config.json");
    refused(() -> config("{\"a\":" + "9".repeat(100_000) + "}"), "config.json");
    refused(() -> config("{\"a\":1e" + "9".repeat(50) + "}").integer("a"), "config.json");
  }

  @Test
  void aMessageStaysOneLineOfReasonableLength() {
    var config = config("{\"n\":\"" + "x\\n".repeat(10_000) + "\"}");

    assertThatThrownBy(() -> config.integer("n"))
        .satisfies(e -> assertThat(e.getMessage()).hasSizeLessThan(1100).doesNotContain("\n"));
  }

  @Test
  void dtypeIsReadInBothForms() {
    assertThat(config("{\"dtype\":\"bfloat16\"}").dtype()).isEqualTo(DType.BF16);
    assertThat(config("{\"torch_dtype\":\"float16\"}").dtype()).isEqualTo(DType.F16);
    assertThat(config("{\"torch_dtype\":\"torch.float32\"}").dtype()).isEqualTo(DType.F32);
    assertThat(config("{}").dtype()).isNull();
    refused(() -> config("{\"dtype\":\"float8\"}").dtype(), "\"dtype\" is float8");
  }

  @Test
  void ropeIsReadInBothForms() {
    var llama3 = new RopeParameters("llama3", 500_000, 1, 8, 1, 4, 8192);
    assertThat(
            rope(
                """
                {"rope_theta":500000.0,"rope_scaling":{"factor":8.0,"low_freq_factor":1.0,
                 "high_freq_factor":4.0,"original_max_position_embeddings":8192,
                 "rope_type":"llama3"}}"""))
        .isEqualTo(llama3);
    assertThat(
            rope(
                """
                {"rope_parameters":{"rope_theta":500000.0,"factor":8.0,"low_freq_factor":1.0,
                 "high_freq_factor":4.0,"original_max_position_embeddings":8192,
                 "rope_type":"llama3"}}"""))
        .isEqualTo(llama3);
    assertThat(rope("{\"rope_scaling\":{\"type\":\"linear\",\"factor\":2.0}}"))
        .isEqualTo(new RopeParameters("linear", 10_000, 1, 2, 0, 0, 0));
    assertThat(rope("{\"rotary_emb_base\":1000,\"rotary_pct\":0.25}"))
        .isEqualTo(new RopeParameters("default", 1000, 0.25, 1, 0, 0, 0));
    assertThat(rope("{\"rope_parameters\":{\"rope_theta\":9,\"partial_rotary_factor\":0.5}}"))
        .isEqualTo(new RopeParameters("default", 9, 0.5, 1, 0, 0, 0));
    assertThat(rope("{\"rope_scaling\":null}"))
        .isEqualTo(new RopeParameters("default", 10_000, 1, 1, 0, 0, 0));
    assertThat(rope("{\"rope_scaling\":{\"rope_type\":\"yarn\",\"factor\":4.0}}").type())
        .isEqualTo("yarn");
  }

  @Test
  void absurdRopeIsRefused() {
    refused(() -> rope("{\"rope_theta\":0}"), "\"rope_theta\" is 0");
    refused(() -> rope("{\"rotary_pct\":1.5}"), "at most 1");
    refused(() -> rope("{\"rope_scaling\":{\"type\":\"linear\"}}"), "\"rope_scaling.factor\"");
    refused(
        () ->
            rope(
                """
                {"rope_parameters":{"rope_type":"llama3","factor":8,"low_freq_factor":4,
                 "high_freq_factor":4,"original_max_position_embeddings":8192}}"""),
        "\"rope_parameters.high_freq_factor\"");
  }

  @Test
  void damagedConfigsAreReadOrRefused(@TempDir Path directory) throws IOException {
    var whole = Files.readAllBytes(Path.of("src/test/resources/goldens/llama3-rope/config.json"));
    var file = directory.resolve("config.json");
    var random = new Random(5);
    for (int round = 0; round < 1000; round++) {
      Files.write(file, Mutations.of(whole, random));
      try {
        var config = Config.read(directory);
        RopeParameters.of(config, 10_000, 1);
        config.architecture();
        config.dtype();
        config.integer("hidden_size");
        config.flag("tie_word_embeddings", false);
        GenerationDefaults.of(config, config);
      } catch (CheckpointException e) {
        assertThat(e).as("round %d", round).hasMessageContaining("config.json");
      }
    }
  }

  private static Config config(String json) {
    return Config.parse(json, "config.json");
  }

  private static RopeParameters rope(String json) {
    return RopeParameters.of(config(json), 10_000, 1);
  }

  private static void refused(ThrowingCallable call, String... parts) {
    assertThatThrownBy(call).isInstanceOf(CheckpointException.class).hasMessageContainingAll(parts);
  }
}
