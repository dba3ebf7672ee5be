package io.dejavu.kv.disk;

import java.io.EOFException;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.Optional;
import java.util.Set;

/// A file that is read and written around the page cache, where the file system can do that:
/// positions, lengths and addresses must be multiples of {@link #ALIGNMENT} then.
///
/// @param direct whether it is so
record DirectChannel(FileChannel channel, boolean direct) {
  static final long ALIGNMENT = 4096;

  /// A transfer of more is cut: `read` and `write` of Linux take no 2 GiB.
  private static final long MOST_BYTES = 1 << 30;

  private static final System.Logger LOG = System.getLogger(DirectChannel.class.getName());

  private static final Set<OpenOption> HOW =
      Set.of(StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);

  /// For files that only their owner may read, where the file system knows such things: keys and
  /// values tell what was asked.
  private static FileAttribute<?>[] owners(Path path) {
    return path.getFileSystem().supportedFileAttributeViews().contains("posix")
        ? new FileAttribute<?>[] {
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"))
        }
        : new FileAttribute<?>[0];
  }

  /// Opens a file, or makes it.
  static DirectChannel open(Path path) throws IOException {
    var usual = FileChannel.open(path, HOW, owners(path));
    boolean direct = false;
    try {
      long block = Files.getFileStore(path).getBlockSize();
      var option = option();
      if (option.isPresent() && block <= ALIGNMENT && ALIGNMENT % block == 0) {
        var options =
            Set.of(StandardOpenOption.READ, StandardOpenOption.WRITE, option.orElseThrow());
        var around = FileChannel.open(path, options);
        direct = true;
        return new DirectChannel(around, true);
      }
    } catch (UnsupportedOperationException | IOException e) {
      LOG.log(Level.DEBUG, "%s: through the page cache".formatted(path), e);
    } finally {
      if (direct) {
        usual.close();
      }
    }
    return new DirectChannel(usual, false);
  }

  /// `ExtendedOpenOption.DIRECT` by its name: javac warns of all that is in its package, and the
  /// warning cannot be suppressed.
  private static Optional<OpenOption> option() {
    try {
      var options = Class.forName("com.sun.nio.file.ExtendedOpenOption").getEnumConstants();
      return Arrays.stream(options)
          .filter(option -> option.toString().equals("DIRECT"))
          .map(OpenOption.class::cast)
          .findFirst();
    } catch (ClassNotFoundException _) {
      return Optional.empty(); // Another Java than OpenJDK.
    }
  }

  /// One `read` or `write` of a channel.
  interface Transfer {
    int of(ByteBuffer part, long position) throws IOException;
  }

  /// Reads or writes all of `bytes`.
  ///
  /// @throws EOFException if the file ends before
  static void transfer(MemorySegment bytes, long position, Transfer transfer) throws IOException {
    for (long done = 0; done < bytes.byteSize(); ) {
      var part = bytes.asSlice(done, Math.min(MOST_BYTES, bytes.byteSize() - done));
      int now = transfer.of(part.asByteBuffer(), position + done);
      if (now <= 0) {
        throw new EOFException("nothing at byte %d".formatted(position + done));
      }
      done += now;
    }
  }
}
