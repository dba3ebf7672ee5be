package io.dejavu.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class CheckpointTest {
  private static final Path GOLDENS = Path.of("src/test/resources/goldens");

  @Test
  void everyGoldenOpens() throws IOException {
    try (var directories = Files.list(GOLDENS)) {
      for (var directory : directories.sorted().toList()) {
        var checkpoint = Checkpoint.of(directory);

        assertThat(checkpoint.config().architecture()).matches(".*(ForCausalLM|LMHeadModel)");
        try (var weights = checkpoint.openWeights()) {
          for (var name : weights.names()) {
            read(weights, name);
          }
        }
      }
    }
  }

  private static void read(Weights weights, String name) {
    var shape = weights.shape(name);
    if (shape.length == 1) {
      assertThat(weights.vector(name, shape[0])).hasSize(shape[0]);
    } else {
      var matrix = weights.matrix(name, shape[0], shape[1]);
      var row = new float[matrix.columns()];
      for (int i = 0; i < matrix.rows(); i++) {
        matrix.read(i, row, 0);
      }
    }
  }
}
