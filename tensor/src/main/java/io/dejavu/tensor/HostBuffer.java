package io.dejavu.tensor;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/// Memory of this process outside the Java heap. Only kernels and transfers ask for its {@link
/// #segment}.
public final class HostBuffer implements Buffer {
  // Null if the memory is somebody else's.
  private final @Nullable Arena arena;
  private final MemorySegment segment;
  private boolean closed;

  private HostBuffer(@Nullable Arena arena, MemorySegment segment) {
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

  /// Memory that somebody else owns, for as long as it is there.
  static HostBuffer of(MemorySegment segment) {
    return new HostBuffer(null, segment);
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
    if (!closed && arena != null) {
      closed = true;
      arena.close();
    }
  }
}
