package io.dejavu.model;

import java.io.Serial;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/// A checkpoint that cannot be used. The message names the file (and tensor or key), says what is
/// wrong with it and, where it is not obvious, what to do.
public final class CheckpointException extends RuntimeException {
  @Serial private static final long serialVersionUID = 1L;

  public CheckpointException(Path file, String problem) {
    this(file, problem, null);
  }

  public CheckpointException(Path file, String problem, @Nullable Throwable cause) {
    super(printable(file + ": " + problem), cause);
  }

  // Names in a message come out of a file that nobody has checked: no control characters, no
  // megabytes.
  private static String printable(String message) {
    var cut = message.length() <= 1000 ? message : message.substring(0, 1000) + "…";
    return cut.replaceAll("\\p{Cntrl}", "?");
  }
}
