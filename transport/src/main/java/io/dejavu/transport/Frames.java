package io.dejavu.transport;

import java.lang.foreign.MemorySegment;
import java.util.List;

/// What every connection asks of its callers.
final class Frames {
  private Frames() {}

  /// Bytes of a body that may be sent.
  ///
  /// @throws IllegalArgumentException if the frame may not be sent
  static long checkSent(MemorySegment head, List<MemorySegment> body, long mostBody) {
    if (head.byteSize() > Connection.MOST_HEAD) {
      throw new IllegalArgumentException(
          "head of %d bytes, at most %d".formatted(head.byteSize(), Connection.MOST_HEAD));
    }
    long bytes = offHeap(body);
    if (bytes > mostBody) {
      throw new IllegalArgumentException("body of %d bytes, at most %d".formatted(bytes, mostBody));
    }
    return bytes;
  }

  /// Bytes that are to be read.
  ///
  /// @throws IllegalArgumentException if the body has fewer left
  static long checkRead(List<MemorySegment> targets, long left) {
    long bytes = offHeap(targets);
    if (bytes > left) {
      throw new IllegalArgumentException("%d bytes wanted, %d left".formatted(bytes, left));
    }
    return bytes;
  }

  private static long offHeap(List<MemorySegment> parts) {
    long bytes = 0;
    for (MemorySegment part : parts) {
      if (!part.isNative()) {
        throw new IllegalArgumentException(
            "%d bytes of a body lie in the Java heap".formatted(part.byteSize()));
      }
      bytes = Math.addExact(bytes, part.byteSize());
    }
    return bytes;
  }
}
