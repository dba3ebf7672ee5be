package io.dejavu.hub;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import org.jspecify.annotations.Nullable;

/// The beginning of a blob on disk, and the hash of it so far.
final class PartialBlob implements AutoCloseable {
  private static final int READ_BYTES = 1 << 20;

  private final Path path;
  private final HubFile file;
  private final FileChannel channel;
  private @Nullable MessageDigest hash;
  private long length;

  private PartialBlob(Path path, HubFile file, FileChannel channel) {
    this.path = path;
    this.file = file;
    this.channel = channel;
  }

  /// With what an earlier download left.
  static PartialBlob open(Path path, HubFile file) throws IOException {
    var channel =
        FileChannel.open(
            path, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
    var partial = new PartialBlob(path, file, channel);
    boolean complete = false;
    try {
      partial.readAgain();
      complete = true;
      return partial;
    } finally {
      if (!complete) {
        channel.close();
      }
    }
  }

  private void readAgain() throws IOException {
    if (channel.size() > file.bytes()) {
      clear();
      return;
    }
    hash = newHash();
    var buffer = ByteBuffer.allocate(READ_BYTES);
    while (channel.read(buffer, length) > 0) {
      length += buffer.flip().remaining();
      update(buffer);
      buffer.clear();
    }
  }

  long length() {
    return length;
  }

  boolean isWhole() {
    return length == file.bytes();
  }

  /// At its place, not at the end of the file: should another process write the same, where locks
  /// are not kept, nothing is written twice.
  void append(ByteBuffer bytes) throws IOException {
    int count = bytes.remaining();
    update(bytes.duplicate());
    while (bytes.hasRemaining()) {
      length += channel.write(bytes, length);
    }
    if (count > 0 && length > file.bytes()) {
      throw new IllegalStateException("%d bytes of %d".formatted(length, file.bytes()));
    }
  }

  /// Forgets everything.
  void clear() throws IOException {
    channel.truncate(0);
    length = 0;
    hash = newHash();
  }

  /// What is wrong with the whole; null: nothing.
  @Nullable String problem() throws IOException {
    channel.force(false); // a blob that is in place is whole, whatever happens to the power
    if (hash == null) {
      return null;
    }
    String found = HexFormat.of().formatHex(((MessageDigest) cloneOf(hash)).digest());
    return found.equals(file.etag())
        ? null
        : "%s of %s is %s, must be %s"
            .formatted(hash.getAlgorithm(), file.name(), found, file.etag());
  }

  private static Object cloneOf(MessageDigest hash) {
    try {
      return hash.clone();
    } catch (CloneNotSupportedException e) {
      throw new IllegalStateException(e);
    }
  }

  private void update(ByteBuffer bytes) {
    if (hash != null) {
      hash.update(bytes);
    }
  }

  /// Large files are named by their SHA-256, others as git names a blob. Mirrors may have other
  /// names, which say nothing about the content.
  private @Nullable MessageDigest newHash() {
    try {
      if (!file.etag().matches("[0-9a-f]+")) {
        return null;
      }
      return switch (file.etag().length()) {
        case 64 -> MessageDigest.getInstance("SHA-256");
        case 40 -> {
          var git = MessageDigest.getInstance("SHA-1");
          git.update("blob %d\0".formatted(file.bytes()).getBytes(US_ASCII));
          yield git;
        }
        default -> null;
      };
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-1 and SHA-256", e);
    }
  }

  Path path() {
    return path;
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
