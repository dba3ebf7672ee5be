package io.dejavu.serve;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import org.junit.jupiter.api.Test;

final class OptionsPageTest {
  @Test
  void theReferenceIsUpToDate() throws IOException {
    assertThat(Files.readString(Repository.ROOT.resolve("docs/options.md")))
        .as("out of date: ./dejavu options > docs/options.md")
        .isEqualTo(OptionsCommand.page(Dejavu.commandLine()));
  }
}
