package io.dejavu.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FileSamplesTest {
  @TempDir private Path folder;

  @Test
  void filesThatDifferInSizeHeadOrMostOfTheirBytesDiffer() throws IOException {
    var bytes = new byte[3_000_000];
    new Random(1).nextBytes(bytes);
    byte[] hash = hash(bytes);
    var other = new byte[bytes.length];
    new Random(2).nextBytes(other);
    System.arraycopy(bytes, 0, other, 0, 100_000);
    var head = bytes.clone();
    head[17]++;

    assertThat(hash(bytes)).isEqualTo(hash);
    assertThat(hash(other)).isNotEqualTo(hash);
    assertThat(hash(head)).isNotEqualTo(hash);
    assertThat(hash(Arrays.copyOf(bytes, bytes.length - 1))).isNotEqualTo(hash);
  }

  @Test
  void checkpointsHaveTheirOwn() {
    var llama = Checkpoint.of(Golden.ROOT.resolve("llama"));
    var qwen = Checkpoint.of(Golden.ROOT.resolve("qwen2"));

    assertThat(llama.identity()).hasSize(32).isEqualTo(llama.identity());
    assertThat(qwen.identity()).isNotEqualTo(llama.identity());
  }

  private byte[] hash(byte[] bytes) throws IOException {
    return FileSamples.hash(List.of(Files.write(folder.resolve("file"), bytes)));
  }
}
