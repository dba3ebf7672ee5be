package io.dejavu.tensor;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/// A file's bytes as memory that several processes read and write: what one stores, the others see,
/// and it is there after the one that stored it was killed. Every page is in this process's page
/// table when {@link #open} returns, so that no step waits for a page fault.
///
/// The file stays open as long as it is mapped: whoever may look into `/proc/PID/fd` can open it
/// from there when its name is gone.
public final class SharedFile implements AutoCloseable {
  private static final long PAGE = 4096;

  private final Path path;
  private final FileChannel channel;
  private final Arena arena;
  private final MemorySegment bytes;

  private SharedFile(Path path, FileChannel channel, Arena arena, MemorySegment bytes) {
    this.path = path;
    this.channel = channel;
    this.arena = arena;
    this.bytes = bytes;
  }

  /// Maps the whole of `path`, of any size, to read and to write.
  ///
  /// @param path of a file whose pages are allocated; storing to a hole of a full file system ends
  ///   the process
  public static SharedFile open(Path path) throws IOException {
    var channel = FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE);
    var arena = Arena.ofShared();
    try {
      var bytes = channel.map(FileChannel.MapMode.READ_WRITE, 0, channel.size(), arena);
      touch(bytes);
      return new SharedFile(path, channel, arena, bytes);
    } catch (IOException | RuntimeException e) {
      arena.close();
      channel.close();
      throw e;
    }
  }

  /// Reads a word of every page. A fault that reads brings its neighbours too, and leaves them
  /// writable; one that writes brings one page.
  private static void touch(MemorySegment bytes) {
    var word = ValueLayout.JAVA_LONG.varHandle();
    for (long at = 0; at + Long.BYTES <= bytes.byteSize(); at += PAGE) {
      word.getVolatile(bytes, at);
    }
  }

  public Path path() {
    return path;
  }

  /// All bytes of the file.
  public MemorySegment bytes() {
    return bytes;
  }

  /// A piece of it for kernels. Good as long as this.
  public HostBuffer buffer(long offset, long bytes) {
    return HostBuffer.of(this.bytes.asSlice(offset, bytes));
  }

  /// Nobody may still use it.
  @Override
  public void close() {
    if (!arena.scope().isAlive()) {
      return;
    }
    arena.close();
    try {
      channel.close();
    } catch (IOException e) {
      throw new IllegalStateException("%s cannot be closed".formatted(path), e);
    }
  }
}
