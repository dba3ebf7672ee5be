package io.dejavu.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CheckpointTest {
  private static final Path GOLDENS = Path.of("src/test/resources/goldens");

  @TempDir Path directory;

  @Test
  void everyGoldenOpens() throws IOException {
    try (var directories = Files.list(GOLDENS)) {
      for (var directory : directories.sorted().toList()) {
        var checkpoint = Checkpoint.of(directory);

        assertThat(checkpoint.config().architecture()).matches(".*(ForCausalLM|LMHeadModel)");
        try (var weights = checkpoint.openWeights()) {
          for (var name : weights.names()) {
            SafeTensorsTest.read(weights, name);
          }
        }
      }
    }
  }

  @Test
  void theBundledModelHasEverything() {
    var checkpoint = Checkpoint.of(Path.of("../models/shakespeare-opt-7m"));

    assertThat(checkpoint.chatTemplate()).contains("CITIZEN");
    assertThat(checkpoint.hasTokenizer()).isTrue();
    assertThat(checkpoint.specialToken("bos_token")).isEqualTo("<s>");
    assertThat(checkpoint.specialTokens()).containsEntry("bos_token", "<s>");
    assertThat(checkpoint.generation().endTokens()).containsExactly(2);
    try (var tokenizer = checkpoint.openTokenizer()) {
      assertThat(checkpoint.endTokens(tokenizer)).containsExactly(2);
    }
  }

  @Test
  void aModelWithoutTokenizerIsAModel() {
    var checkpoint = Checkpoint.of(GOLDENS.resolve("qwen3"));

    assertThat(checkpoint.hasTokenizer()).isFalse();
    assertThat(checkpoint.chatTemplate()).isNull();
    assertThat(checkpoint.endTokens(null)).isEmpty();
    assertThat(checkpoint.specialToken("bos_token")).isNull();
    assertThatThrownBy(checkpoint::openTokenizer)
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining("has no tokenizer.json");
  }

  @Test
  void generationDefaultsAreReadAsFarAsTheyAreThere() throws IOException {
    write("config.json", "{\"eos_token_id\":2,\"bos_token_id\":1}");
    assertThat(Checkpoint.of(directory).generation())
        .isEqualTo(
            new GenerationDefaults(
                List.of(2), List.of(), 1, null, null, null, null, null, null, null));

    write(
        "generation_config.json",
        """
        {"eos_token_id":[128001,128009],"temperature":0.6,"top_k":50,"top_p":0.9,"min_p":0.05,
         "repetition_penalty":1.1,"max_new_tokens":256,"pad_token_id":0,"stop_strings":["\\n\\n"]}""");
    assertThat(Checkpoint.of(directory).generation())
        .isEqualTo(
            new GenerationDefaults(
                List.of(128001, 128009), List.of("\n\n"), 1, 0, 0.6, 50, 0.9, 0.05, 1.1, 256));

    write("generation_config.json", "{\"eos_token_id\":\"</s>\"}");
    refused("generation_config.json", "\"eos_token_id\"");
  }

  @Test
  void theTokenizersEndTokenCountsAsWell() throws IOException {
    write("config.json", "{\"eos_token_id\":7}");
    write("tokenizer_config.json", "{\"eos_token\":{\"content\":\"</s>\",\"special\":true}}");
    TinyTokenizer.byteLevel(directory);

    var checkpoint = Checkpoint.of(directory);
    try (var tokenizer = checkpoint.openTokenizer()) {
      assertThat(checkpoint.endTokens(tokenizer)).containsExactly(1, 7);
    }
  }

  @Test
  void theChatTemplateIsFoundInEitherPlace() throws IOException {
    write("config.json", "{}");
    write("tokenizer_config.json", "{\"chat_template\":\"one\"}");
    assertThat(Checkpoint.of(directory).chatTemplate()).isEqualTo("one");

    write(
        "tokenizer_config.json",
        """
        {"chat_template":[{"name":"tool_use","template":"tools"},
                          {"name":"default","template":"plain"}]}""");
    assertThat(Checkpoint.of(directory).chatTemplate()).isEqualTo("plain");

    write("chat_template.jinja", "{{ file }}");
    assertThat(Checkpoint.of(directory).chatTemplate()).isEqualTo("{{ file }}");

    Files.delete(directory.resolve("chat_template.jinja"));
    write("tokenizer_config.json", "{\"chat_template\":3}");
    assertThatThrownBy(() -> Checkpoint.of(directory).chatTemplate())
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining("\"chat_template\" is 3");
  }

  @Test
  void whatIsNoModelIsRefused() throws IOException {
    refused("has no config.json");

    write("config.json", "{\"quantization_config\":{\"quant_method\":\"gptq\"}}");
    refused("quantised");

    write("config.json", "not json");
    refused("config.json", "not valid JSON");

    assertThatThrownBy(() -> Checkpoint.of(directory.resolve("nowhere")))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining("no such directory");
    assertThatThrownBy(() -> Checkpoint.of(directory.resolve("config.json")))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining("is a file");
    assertThatThrownBy(() -> Config.read(directory.resolve("nowhere.json")))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining("no such file");
  }

  private void write(String name, String text) throws IOException {
    Files.writeString(directory.resolve(name), text);
  }

  private void refused(String... parts) {
    assertThatThrownBy(() -> Checkpoint.of(directory))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContainingAll(parts);
  }
}
