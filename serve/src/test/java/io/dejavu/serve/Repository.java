package io.dejavu.serve;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/// The folder this is built in, for tests about the whole repository.
final class Repository {
  static final Path ROOT = root();

  private Repository() {}

  /// Compiled main classes of every module built so far.
  static List<Path> classFolders() throws IOException {
    try (var rooms = Files.list(ROOT)) {
      return rooms.map(room -> room.resolve("target/classes")).filter(Files::isDirectory).toList();
    }
  }

  private static Path root() {
    Path folder = Path.of("").toAbsolutePath();
    while (!Files.exists(folder.resolve(".mvn"))) {
      folder = folder.getParent();
      if (folder == null) {
        throw new IllegalStateException(
            "not inside the repository: " + Path.of("").toAbsolutePath());
      }
    }
    return folder;
  }
}
