package io.dejavu.api;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.time.InstantSource;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ApiKeysTest {
  @TempDir private Path folder;

  private Instant now = Instant.parse("2026-01-01T00:00:00Z");
  private final InstantSource clock = () -> now;

  @Test
  void keysHaveTheNamesOfTheirLines() {
    var keys =
        ApiKeys.parse(
            """
            # who may ask
            alice:sk-1234567890
              bob : s:k

            sk-nameless
            alice:sk-second # until May
            dora:sk#4
            """,
            "keys");

    assertThat(keys.size()).isEqualTo(5);
    assertThat(keys.nameOf("sk#4")).isEqualTo("dora");
    assertThat(keys.nameOf("sk-1234567890")).isEqualTo("alice");
    assertThat(keys.nameOf("sk-second")).isEqualTo("alice");
    assertThat(keys.nameOf("s:k")).isEqualTo("bob");
    assertThat(keys.nameOf("sk-nameless")).matches("key-[0-9a-f]{8}");
    assertThat(keys.nameOf("sk-123456789")).isNull();
    assertThat(keys.nameOf("alice:sk-1234567890")).isNull();
    assertThat(keys.nameOf("")).isNull();
    assertThat(keys.and(ApiKeys.of("one")).nameOf("one")).isNotNull();
    assertThat(keys.toString()).isEqualTo("5 keys");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "# nobody\n", "a b:secret", "ok:x\n:secret", "a:se cret", "bö:x"})
  void whatIsNoListOfKeysIsRefusedWithoutSayingASecret(String text) {
    assertThatThrownBy(() -> ApiKeys.parse(text, "keys.txt"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith("keys.txt")
        .message()
        .doesNotContain("secret", "cret");
  }

  @Test
  void aFileIsReadAgainWhenItHasChanged() throws IOException {
    var path = write("alice:first", 0);
    var file = ApiKeyFile.open(path, clock);
    write("alice:second", 10);

    assertThat(file.get().nameOf("first")).as("looked at within the second").isEqualTo("alice");

    now = now.plusSeconds(2);
    assertThat(file.get().nameOf("first")).isNull();
    assertThat(file.get().nameOf("second")).isEqualTo("alice");
  }

  @Test
  void aBrokenOrMissingFileChangesNothing() throws IOException {
    var path = write("alice:first", 0);
    var file = ApiKeyFile.open(path, clock);

    write("# none left", 10);
    now = now.plusSeconds(2);
    assertThat(file.get().nameOf("first")).isEqualTo("alice");

    Files.delete(path);
    now = now.plusSeconds(2);
    assertThat(file.get().nameOf("first")).isEqualTo("alice");

    write("bob:first", 0); // as old as the first one
    now = now.plusSeconds(2);
    assertThat(file.get().nameOf("first")).isEqualTo("bob");
  }

  @Test
  void aFileThatIsMissingAtTheStartIsAnError() {
    assertThatThrownBy(() -> ApiKeyFile.open(folder.resolve("nothing"), clock))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageEndingWith("nothing does not exist");
  }

  private Path write(String text, int later) throws IOException {
    var path = Files.writeString(folder.resolve("keys"), text);
    return Files.setLastModifiedTime(path, FileTime.from(Instant.EPOCH.plusSeconds(later)));
  }
}
