package io.dejavu.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.dejavu.engine.Pooling;
import io.dejavu.local.ModelConfig;
import io.dejavu.model.CheckpointException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class CheckpointPoolingTest {
  @TempDir Path directory;

  private Pooling of(String json) throws IOException {
    Path folder = Files.createDirectories(directory.resolve("1_Pooling"));
    Files.writeString(folder.resolve("config.json"), json);
    return CheckpointPooling.of(ModelConfig.of(directory));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '§',
      textBlock =
          """
          {"word_embedding_dimension": 8, "pooling_mode_cls_token": false, "pooling_mode_mean_tokens": true, "pooling_mode_lasttoken": false} | MEAN
          {"word_embedding_dimension": 8, "pooling_mode_mean_tokens": false, "pooling_mode_lasttoken": true, "include_prompt": true} | LAST
          {"pooling_mode_lasttoken": true}                                     | LAST
          {"word_embedding_dimension": 8}                                      | MEAN
          {"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false}  | LAST
          {"pooling_mode_mean_tokens": true, "pooling_mode_lasttoken": true}   | LAST
          """)
  void theCheckpointSays(String json, Pooling pooling) throws IOException {
    assertThat(of(json)).isEqualTo(pooling);
  }

  @Test
  void withoutTheFileItIsTheLast() {
    assertThat(CheckpointPooling.of(ModelConfig.of(directory))).isEqualTo(Pooling.LAST);
  }

  @Test
  void aDamagedFileIsNamed() {
    assertThatThrownBy(() -> of("{\"pooling_mode_mean_tokens\": 1}"))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining("pooling_mode_mean_tokens");
  }
}
