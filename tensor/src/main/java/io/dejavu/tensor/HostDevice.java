package io.dejavu.tensor;

import java.lang.foreign.MemorySegment;

/// The memory of this process, for kernels that run on its CPUs.
public final class HostDevice implements Device {
  private static final long ALIGNMENT = 64;

  public HostDevice() {}

  @Override
  public String name() {
    return "cpu";
  }

  @Override
  public HostBuffer allocate(long bytes) {
    return HostBuffer.allocate(bytes, ALIGNMENT);
  }

  @Override
  public void upload(MemorySegment source, Buffer target, long offset) {
    MemorySegment.copy(source, 0, segment(target), offset, source.byteSize());
  }

  @Override
  public void download(Buffer source, long offset, MemorySegment target) {
    MemorySegment.copy(segment(source), offset, target, 0, target.byteSize());
  }

  @Override
  public void close() {}

  /// The bytes of a buffer that a `HostDevice` allocated.
  ///
  /// @throws IllegalArgumentException if it is another device's
  public static MemorySegment segment(Buffer buffer) {
    if (buffer instanceof HostBuffer host) {
      return host.segment();
    }
    throw new IllegalArgumentException("not in this process's memory: " + buffer);
  }
}
