package io.dejavu.model;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.List;

/// Tells large files apart without reading them: a hash of their sizes, of how each begins, and of
/// pieces spread over the rest. Training on changes nearly every weight, so it changes the hash; a
/// few bytes changed by hand may not.
final class FileSamples {
  private static final int HEAD = 64 << 10;
  private static final int PIECE = 4 << 10;
  private static final int PIECES = 256; // of all files together
  private static final int LEAST_PIECES = 4; // of each

  private FileSamples() {}

  /// SHA-256.
  ///
  /// @throws CheckpointException if a file cannot be read
  static byte[] hash(List<Path> files) {
    var hash = sha256();
    int pieces = Math.max(LEAST_PIECES, PIECES / Math.max(1, files.size()));
    for (var file : files) {
      try (var channel = FileChannel.open(file)) {
        long size = channel.size();
        hash.update(ByteBuffer.allocate(8).putLong(size).flip());
        update(hash, channel, 0, HEAD);
        for (int i = 1; i <= pieces && size > HEAD; i++) {
          update(hash, channel, HEAD + (size - HEAD) / pieces * i - PIECE, PIECE);
        }
      } catch (IOException e) {
        throw new CheckpointException(file, "cannot be read: " + e.getMessage(), e);
      }
    }
    return hash.digest();
  }

  private static void update(MessageDigest hash, FileChannel channel, long at, int bytes)
      throws IOException {
    var buffer = ByteBuffer.allocate(bytes);
    long position = Math.max(0, at);
    while (buffer.hasRemaining()) {
      int read = channel.read(buffer, position + buffer.position());
      if (read < 0) {
        break;
      }
    }
    hash.update(buffer.flip());
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }
}
