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
  public void upload(MemorySegment source, Buffer target, Fragments fragments) {
    var bytes = segment(target);
    var offsets = fragments.offsets();
    var lengths = fragments.lengths();
    long done = 0;
    for (int r = 0; r < fragments.repeats(); r++) {
      long base = r * fragments.stride();
      for (int i = 0; i < offsets.length; i++) {
        MemorySegment.copy(source, done, bytes, base + offsets[i], lengths[i]);
        done += lengths[i];
      }
    }
  }

  @Override
  public void download(Buffer source, Fragments fragments, MemorySegment target) {
    var bytes = segment(source);
    var offsets = fragments.offsets();
    var lengths = fragments.lengths();
    long done = 0;
    for (int r = 0; r < fragments.repeats(); r++) {
      long base = r * fragments.stride();
      for (int i = 0; i < offsets.length; i++) {
        MemorySegment.copy(bytes, base + offsets[i], target, done, lengths[i]);
        done += lengths[i];
      }
    }
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
