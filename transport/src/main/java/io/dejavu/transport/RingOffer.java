package io.dejavu.transport;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/// The rings that a listener makes for a peer while they meet. When the meeting is over, their file
/// has no name any more, and if it came to nothing, they are gone.
final class RingOffer implements AutoCloseable {
  private final long capacity;
  private @Nullable RingFile file;
  private boolean isTaken;

  RingOffer(long capacity) {
    this.capacity = capacity;
  }

  /// @return what the peer has to know
  byte[] make() throws ConnectionRefused {
    try {
      file = RingFile.create(capacity);
      return file.description();
    } catch (IOException e) {
      throw new ConnectionRefused("no shared memory for the rings: " + e.getMessage());
    }
  }

  /// Whoever takes them owns them.
  RingConnection.Rings take() {
    RingFile made = file;
    if (made == null) {
      throw new IllegalStateException("no rings were made");
    }
    isTaken = true;
    return new RingConnection.Rings(made.fromListener(), made.toListener(), made.arena()::close);
  }

  @Override
  public void close() throws IOException {
    if (file != null) {
      if (!isTaken) {
        file.arena().close();
      }
      file.delete();
    }
  }
}
