package io.dejavu.tensor;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/// Memory of this process outside the Java heap. Only kernels and transfers ask for its {@link
/// #segment}.
public final class HostBuffer implements Buffer {
  private final Arena arena;
  private final MemorySegment segment;
  private boolean closed;

  private HostBuffer(Arena arena, MemorySegment segment) {
    this.arena = arena;
    this.segment = segment;
  }

  /// Zeroed and aligned to `alignment` bytes.
  public static HostBuffer allocate(long bytes, long alignment) {
    if (bytes < 0) {
      throw new IllegalArgumentException("buffer of %d bytes".formatted(bytes));
    }
    var arena = Arena.ofShared();
    return new HostBuffer(arena, arena.allocate(bytes, alignment));
  }

  /// The bytes.
  public MemorySegment segment() {
    return segment;
  }

  @Override
  public long bytes() {
    return segment.byteSize();
  }

  @Override
  public void close() {
    if (!closed) {
      closed = true;
      arena.close();
    }
  }
}
