package io.dejavu.keeper;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/// A keeper for this process alone, with a folder of its own. It ends when this process does,
/// however that ends, and leaves neither processes nor memory nor the folder.
///
/// One thread.
public final class OwnKeeper implements AutoCloseable {
  private static final long PATIENCE_SECONDS = 30;

  /// A file that says whose the folder is.
  private static final String OWN = "own";

  private final Path folder;
  private Process process;

  private OwnKeeper(Path folder, Process process) {
    this.folder = folder;
    this.process = process;
  }

  /// Starts it.
  ///
  /// @param prefix of the folder's name
  public static OwnKeeper start(String prefix) throws IOException {
    var folder = Files.createTempDirectory(prefix);
    try {
      Files.createFile(folder.resolve(OWN));
      return new OwnKeeper(folder, start(folder));
    } catch (IOException e) {
      delete(folder);
      throw e;
    }
  }

  private static Process start(Path folder) throws IOException {
    return KeeperProcess.builder(socketIn(folder), KeeperConfig.DEFAULT.withOwn())
        .redirectInput(ProcessBuilder.Redirect.PIPE)
        .start();
  }

  private static Path socketIn(Path folder) {
    return folder.resolve("keeper");
  }

  /// For other small files, too, which are deleted with it.
  public Path folder() {
    return folder;
  }

  public Path socket() {
    return socketIn(folder);
  }

  public Process process() {
    return process;
  }

  /// Kills it with -9 and starts the next one of the same socket.
  public void replace() throws IOException, InterruptedException {
    process.destroyForcibly().waitFor();
    process = start(folder);
  }

  /// Deletes a folder that {@link #start} has made and the files in it; there is perhaps nothing
  /// any more. Another's folder stays as it is.
  static void delete(Path folder) throws IOException {
    if (!Files.exists(folder.resolve(OWN))) {
      return;
    }
    try (var files = Files.newDirectoryStream(folder)) {
      for (var file : files) {
        Files.deleteIfExists(file);
      }
    } catch (NoSuchFileException _) {
      return;
    }
    Files.deleteIfExists(folder);
  }

  @Override
  public void close() throws IOException {
    process.getOutputStream().close();
    try {
      if (!process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
        process.destroyForcibly();
      }
    } catch (InterruptedException _) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
    delete(folder);
  }
}
