package io.dejavu.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TokenizerLibraryTest {
  @TempDir Path directory;

  @Test
  void unpacksWhereItCanWrite() throws IOException {
    var place = directory.resolve("a/b");

    assertThat(TokenizerLibrary.usable(place)).isEqualTo(place).isDirectory();
  }

  @Test
  void unpacksElsewhereIfItMust() throws IOException {
    var file = Files.writeString(directory.resolve("file"), "no directory");

    var place = TokenizerLibrary.usable(file.resolve("tokenizers"));

    assertThat(place).isEmptyDirectory();
    Files.delete(place);
  }
}
