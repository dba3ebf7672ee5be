package io.dejavu.kv.disk;

import java.io.IOException;
import java.io.Serial;

/// A record of a {@link KvFile} is not what is wanted: torn, damaged, or of something else. Whoever
/// wants it computes it again.
public final class KvFileException extends IOException {
  @Serial private static final long serialVersionUID = 1;

  /// @param message which record, and what is wrong with it
  public KvFileException(String message) {
    super(message);
  }
}
