package io.dejavu.testkit;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import io.dejavu.tensor.Buffer;
import io.dejavu.tensor.Device;
import io.dejavu.tensor.HostBuffer;
import io.dejavu.tensor.HostDevice;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Objects;
import java.util.Queue;

/// A device like a GPU, for tests: nobody outside can read its memory, and nothing that was
/// enqueued happens before somebody waits for a {@link #download}. Code that relies on a kernel
/// being done when its call returns computes garbage here.
public final class FakeDevice implements Device {
  private final HostDevice memory = new HostDevice();
  private final Queue<Runnable> enqueued = new ArrayDeque<>();

  public FakeDevice() {}

  @Override
  public String name() {
    return "fake:0";
  }

  @Override
  public Buffer allocate(long bytes) {
    return new HiddenBuffer(memory.allocate(bytes));
  }

  @Override
  public void upload(MemorySegment source, Buffer target, long offset) {
    Objects.checkFromIndexSize(offset, source.byteSize(), target.bytes());
    var copy = source.toArray(JAVA_BYTE);
    enqueue(() -> memory.upload(MemorySegment.ofArray(copy), open(target), offset));
  }

  @Override
  public void download(Buffer source, long offset, MemorySegment target) {
    Objects.checkFromIndexSize(offset, target.byteSize(), source.bytes());
    while (!enqueued.isEmpty()) {
      enqueued.remove().run();
    }
    memory.download(open(source), offset, target);
  }

  /// Forgets what nobody waited for.
  @Override
  public void close() {
    enqueued.clear();
    memory.close();
  }

  void enqueue(Runnable work) {
    enqueued.add(work);
  }

  /// The memory behind a buffer, for the kernels of this device.
  ///
  /// @throws IllegalArgumentException if the buffer is another device's
  /// @throws IllegalStateException if it was closed before the work that needs it was done
  static HostBuffer open(Buffer buffer) {
    if (!(buffer instanceof HiddenBuffer hidden)) {
      throw new IllegalArgumentException("not in the fake device's memory: " + buffer);
    }
    if (hidden.closed) {
      throw new IllegalStateException("buffer of %d bytes is closed".formatted(hidden.bytes()));
    }
    return hidden.memory;
  }

  private static final class HiddenBuffer implements Buffer {
    private final HostBuffer memory;
    private boolean closed;

    HiddenBuffer(HostBuffer memory) {
      this.memory = memory;
    }

    @Override
    public long bytes() {
      return memory.bytes();
    }

    @Override
    public void close() {
      closed = true;
      memory.close();
    }
  }
}
