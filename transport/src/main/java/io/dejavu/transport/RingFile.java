package io.dejavu.transport;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.util.HexFormat;
import java.util.Set;

/// The memory of a connection's two rings, in a file of `/dev/shm` that both sides map. It has a
/// name only while they meet; then the memory lives as long as one of them.
///
/// @param path where it lies until it is deleted
/// @param capacity of each ring
/// @param fromListener the ring in which the listening side sends
/// @param toListener the other one
/// @param arena owns the mapping
record RingFile(
    Path path, long capacity, MemorySegment fromListener, MemorySegment toListener, Arena arena) {
  private static final Path MEMORY = Path.of("/dev/shm");
  private static final String PREFIX = "dejavu-ring-";
  private static final Duration LONGEST_MEETING = Duration.ofMinutes(10);
  private static final SecureRandom RANDOM = new SecureRandom();

  /// A new one, with all its bytes there: a full `/dev/shm` is an error here, and not a crash when
  /// memory is touched.
  static RingFile create(long capacity) throws IOException {
    Path folder =
        Files.isDirectory(MEMORY) ? MEMORY : Path.of(System.getProperty("java.io.tmpdir"));
    var random = new byte[16];
    RANDOM.nextBytes(random);
    Path path = folder.resolve(PREFIX + HexFormat.of().formatHex(random));
    var ours = PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));
    Set<StandardOpenOption> how =
        Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.READ, StandardOpenOption.WRITE);
    try (var file = FileChannel.open(path, how, ours)) {
      ByteBuffer zeros = ByteBuffer.allocateDirect(1 << 16);
      for (long left = bytes(capacity); left > 0; ) {
        left -= file.write(zeros.clear().limit((int) Math.min(left, zeros.capacity())));
      }
      return map(path, file, capacity);
    } catch (IOException | RuntimeException e) {
      Files.deleteIfExists(path);
      throw e;
    }
  }

  /// What the listening side tells the other one.
  byte[] description() {
    byte[] name = path.toString().getBytes(StandardCharsets.UTF_8);
    return ByteBuffer.allocate(8 + name.length).putLong(capacity).put(name).array();
  }

  /// The one that the other side has described.
  ///
  /// @throws IOException if it is not there, or not as described
  static RingFile open(byte[] description) throws IOException {
    if (description.length < 8) {
      throw new IOException("a ring described in %d bytes".formatted(description.length));
    }
    ByteBuffer fields = ByteBuffer.wrap(description);
    long capacity = fields.getLong();
    Path path = Path.of(StandardCharsets.UTF_8.decode(fields).toString());
    try (var file = FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      if (capacity < Ring.CONTROL
          || Long.bitCount(capacity) != 1
          || file.size() != bytes(capacity)) {
        throw new IOException(
            "%s has %d bytes; that is not two rings of %d".formatted(path, file.size(), capacity));
      }
      return map(path, file, capacity);
    }
  }

  private static long bytes(long capacity) {
    return 2 * (Ring.CONTROL + capacity);
  }

  private static RingFile map(Path path, FileChannel file, long capacity) throws IOException {
    var arena = Arena.ofShared();
    try {
      MemorySegment all = file.map(MapMode.READ_WRITE, 0, bytes(capacity), arena);
      long half = bytes(capacity) / 2;
      return new RingFile(path, capacity, all.asSlice(0, half), all.asSlice(half, half), arena);
    } catch (IOException | RuntimeException e) {
      arena.close();
      throw e;
    }
  }

  /// Takes its name away.
  void delete() throws IOException {
    Files.deleteIfExists(path);
  }

  /// Removes what processes left that were killed while they met somebody.
  static void deleteAbandoned() throws IOException {
    if (!Files.isDirectory(MEMORY)) {
      return;
    }
    Instant before = Instant.now().minus(LONGEST_MEETING);
    try (var files = Files.newDirectoryStream(MEMORY, PREFIX + "*")) {
      for (Path file : files) {
        if (Files.isWritable(file)
            && Files.getLastModifiedTime(file).toInstant().isBefore(before)) {
          Files.deleteIfExists(file);
        }
      }
    }
  }
}
