package io.dejavu.backend.cpu;

import io.dejavu.tensor.HostBuffer;
import org.jspecify.annotations.Nullable;

/// Memory that kernels use between their first line and their last: a piece for each worker, kept
/// from call to call and grown when a call needs more.
final class Scratch implements AutoCloseable {
  private static final long PAGE = 4096;

  private final int workers;
  private long bytes;
  private @Nullable HostBuffer buffer;
  private long address;

  Scratch(int workers) {
    this.workers = workers;
  }

  /// Makes each worker's piece at least this large; what was in it is lost. Not while workers run.
  void reserve(long bytesEach) {
    if (bytesEach > bytes) {
      close();
      bytes = Math.ceilDiv(bytesEach + bytesEach / 4, PAGE) * PAGE;
      buffer = HostBuffer.allocate(bytes * workers, PAGE);
      address = buffer.segment().address();
    }
  }

  /// Address of a worker's piece, aligned to a page.
  long of(int worker) {
    return address + worker * bytes;
  }

  @Override
  public void close() {
    if (buffer != null) {
      buffer.close();
      buffer = null;
      bytes = 0;
    }
  }
}
