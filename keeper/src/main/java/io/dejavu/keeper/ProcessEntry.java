package io.dejavu.keeper;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/// What `/proc` says of a process that somebody else started: whether it can still write. Its
/// number may become another's, so it is told from that by when it began.
record ProcessEntry(long pid, String began) {
  /// @throws IOException if there is none
  static ProcessEntry of(long pid) throws IOException {
    var fields = fields(pid);
    if (fields.length == 0) {
      throw new IOException("there is no process %d".formatted(pid));
    }
    return new ProcessEntry(pid, fields[19]);
  }

  /// Those behind the name of the command: the state is the first, when it began the twentieth.
  private static String[] fields(long pid) throws IOException {
    try {
      var stat = Files.readString(Path.of("/proc/%d/stat".formatted(pid)));
      return stat.substring(stat.lastIndexOf(')') + 2).split(" ");
    } catch (NoSuchFileException _) {
      return new String[0];
    } catch (IOException e) {
      if (Files.exists(Path.of("/proc/%d".formatted(pid)))) {
        throw e;
      }
      return new String[0]; // It went away while it was read.
    }
  }

  /// Whether no thread of it runs any more. It may still be waited for by its parent.
  boolean hasExited() throws IOException {
    var fields = fields(pid);
    if (fields.length == 0 || !fields[19].equals(began)) {
      return true;
    }
    // Its first thread is a zombie while others may still run.
    return fields[0].equals("Z") && threads() <= 1;
  }

  private long threads() throws IOException {
    try (var tasks = Files.list(Path.of("/proc/%d/task".formatted(pid)))) {
      return tasks.count();
    } catch (NoSuchFileException _) {
      return 0;
    }
  }
}
