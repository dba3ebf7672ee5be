package io.dejavu.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Checkpoints of several files, and which files a checkpoint may name.
class ShardedTest {
  private static final Path GOLDEN = Path.of("src/test/resources/goldens/llama");
  private static final String EMPTY = "{}";

  @TempDir Path directory;

  @Test
  void aModelInThreeFilesEqualsTheModelInOne() throws IOException {
    try (var whole = SafeTensors.open(GOLDEN)) {
      split(whole, 3);
      try (var sharded = SafeTensors.open(directory)) {
        assertThat(sharded.names()).containsExactlyInAnyOrderElementsOf(whole.names());
        for (var name : whole.names()) {
          assertThat(rows(sharded, name)).isDeepEqualTo(rows(whole, name));
        }
      }
    }
  }

  @Test
  void aTensorInTwoFilesIsRefused() throws IOException {
    shard("1.safetensors", "w", "v");
    shard("2.safetensors", "x", "v");
    index("w", "1.safetensors", "x", "2.safetensors");

    refused("\"v\"", "1.safetensors", "2.safetensors");
  }

  @Test
  void aTensorThatIsNotWhereTheIndexSaysIsRefused() throws IOException {
    shard("1.safetensors", "w");
    shard("2.safetensors", "x");
    index("w", "2.safetensors", "x", "1.safetensors");
    refused("index.json", "\"w\"", "2.safetensors");

    index("w", "1.safetensors", "x", "2.safetensors", "y", "2.safetensors");
    refused("index.json", "\"y\"", "2.safetensors");
  }

  @Test
  void aFileThatIsMissingIsNamed() throws IOException {
    shard("1.safetensors", "w");
    index("w", "1.safetensors", "x", "2.safetensors");

    refused("has no 2.safetensors");
  }

  @Test
  void withoutAnyWeightsItSaysWhatIsWanted() {
    refused("neither model.safetensors nor model.safetensors.index.json", "converted");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "../secret.safetensors",
        "/etc/passwd",
        "sub/1.safetensors",
        ".",
        "..",
        "",
        "a\\\\b",
        "C:x",
        "x\\u0000",
        "x\\ny"
      })
  void anIndexMayOnlyNameFilesBesideIt(String name) throws IOException {
    Files.createDirectories(directory.resolve("sub"));
    index("w", name);

    refused("not the plain name");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "[]",
        "{}",
        "{\"weight_map\":[]}",
        "{\"weight_map\":{}}",
        "{\"weight_map\":{\"w\":1}}",
        "{\"weight_map\":{\"w\":\"a\",\"w\":\"b\"}}",
        "{\"weight_map\":{\"w\":\"a\"}} x",
        "{"
      })
  void anIndexThatIsNoneIsRefused(String json) throws IOException {
    Files.writeString(directory.resolve(SafeTensors.INDEX), json);

    refused("model.safetensors.index.json");
  }

  @Test
  void linksMayNotLeadOutOfTheDirectory() throws IOException {
    var model = Files.createDirectories(directory.resolve("model"));
    var elsewhere = Files.write(directory.resolve("x.safetensors"), shardBytes("w"));
    Files.createSymbolicLink(model.resolve(SafeTensors.SINGLE), elsewhere);

    assertThatThrownBy(() -> SafeTensors.open(model))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContainingAll("is a link to", "outside");
  }

  @Test
  void linksWithinTheDirectoryAndIntoHuggingFacesCacheAreFollowed() throws IOException {
    var snapshot = Files.createDirectories(directory.resolve("models--x/snapshots/abc"));
    var blobs = Files.createDirectories(directory.resolve("models--x/blobs"));
    Files.write(blobs.resolve("123"), shardBytes("w"));
    Files.createSymbolicLink(snapshot.resolve(SafeTensors.SINGLE), Path.of("../../blobs/123"));
    SafeTensors.open(snapshot).close();
    // Newer caches share large files between models.
    Files.createDirectories(directory.resolve("blobs/ab"));
    Files.move(blobs.resolve("123"), directory.resolve("blobs/ab/abc"));
    Files.createSymbolicLink(blobs.resolve("123"), Path.of("../../blobs/ab/abc"));
    SafeTensors.open(snapshot).close();
    // The directory itself may be a link as well.
    SafeTensors.open(Files.createSymbolicLink(directory.resolve("link"), snapshot)).close();

    Files.write(directory.resolve("one"), shardBytes("w"));
    Files.createSymbolicLink(directory.resolve(SafeTensors.SINGLE), Path.of("one"));
    SafeTensors.open(directory).close();
  }

  @Test
  void linksToNothingToThemselvesAndDirectoriesAreRefused() throws IOException {
    var file = directory.resolve(SafeTensors.SINGLE);
    Files.createSymbolicLink(file, Path.of("gone"));
    refused("is not a file");

    Files.delete(file);
    Files.createSymbolicLink(file, Path.of(SafeTensors.SINGLE));
    refused("is not a file");

    Files.delete(file);
    Files.createDirectory(file);
    refused("is not a file");
  }

  @Test
  void damagedIndexesAreReadOrRefused() throws IOException {
    shard("1.safetensors", "w", "v");
    shard("2.safetensors", "x");
    index("w", "1.safetensors", "v", "1.safetensors", "x", "2.safetensors");
    var file = directory.resolve(SafeTensors.INDEX);
    var whole = Files.readAllBytes(file);
    var random = new Random(31);
    for (int round = 0; round < 500; round++) {
      Files.write(file, Mutations.of(whole, random));
      try (var weights = SafeTensors.open(directory)) {
        assertThat(weights.names()).isNotEmpty();
      } catch (CheckpointException e) {
        assertThat(e).as("round %d", round).hasMessageContaining(directory.toString());
      }
    }
  }

  private void refused(String... reasons) {
    assertThatThrownBy(() -> SafeTensors.open(directory))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContainingAll(reasons);
  }

  /// Every `n`th tensor of `whole` to a file of its own.
  private void split(SafeTensors whole, int n) throws IOException {
    var names = List.copyOf(whole.names());
    var entries = new ArrayList<String>();
    for (int shard = 0; shard < n; shard++) {
      var file = "model-%05d-of-%05d.safetensors".formatted(shard + 1, n);
      var header = new ArrayList<String>();
      var data = new ByteArrayOutputStream();
      for (int i = shard; i < names.size(); i += n) {
        var name = names.get(i);
        int begin = data.size();
        for (var row : rows(whole, name)) {
          var bytes = ByteBuffer.allocate(4 * row.length).order(ByteOrder.LITTLE_ENDIAN);
          bytes.asFloatBuffer().put(row);
          data.write(bytes.array());
        }
        var shape =
            Arrays.stream(whole.shape(name))
                .mapToObj(Integer::toString)
                .collect(Collectors.joining(","));
        header.add(
            "\"%s\":{\"dtype\":\"F32\",\"shape\":[%s],\"data_offsets\":[%d,%d]}"
                .formatted(name, shape, begin, data.size()));
        entries.add(name);
        entries.add(file);
      }
      Files.write(
          directory.resolve(file),
          TinyCheckpoint.file("{" + String.join(",", header) + "}", data.toByteArray()));
    }
    index(entries.toArray(String[]::new));
  }

  private static float[][] rows(Weights weights, String name) {
    var shape = weights.shape(name);
    if (shape.length == 1) {
      return new float[][] {weights.vector(name, shape[0])};
    }
    var matrix = weights.matrix(name, shape[0], shape[1]);
    var rows = new float[shape[0]][shape[1]];
    for (int i = 0; i < rows.length; i++) {
      matrix.read(i, rows[i], 0);
    }
    return rows;
  }

  private void index(String... namesAndFiles) throws IOException {
    var entries = new ArrayList<String>();
    for (int i = 0; i < namesAndFiles.length; i += 2) {
      entries.add("\"%s\":\"%s\"".formatted(namesAndFiles[i], namesAndFiles[i + 1]));
    }
    Files.writeString(
        directory.resolve(SafeTensors.INDEX),
        "{\"metadata\":%s,\"weight_map\":{%s}}".formatted(EMPTY, String.join(",", entries)));
  }

  private void shard(String file, String... names) throws IOException {
    Files.write(directory.resolve(file), shardBytes(names));
  }

  private static byte[] shardBytes(String... names) throws IOException {
    var header = new ArrayList<String>();
    for (int i = 0; i < names.length; i++) {
      header.add(
          "\"%s\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[%d,%d]}"
              .formatted(names[i], 4 * i, 4 * i + 4));
    }
    return TinyCheckpoint.file("{" + String.join(",", header) + "}", new byte[4 * names.length]);
  }
}
