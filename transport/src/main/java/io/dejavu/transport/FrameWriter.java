package io.dejavu.transport;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/// Frames into a stream of bytes.
final class FrameWriter {
  private static final int SMALL_BODY = 16 << 10;

  /// A buffer of Java counts with an `int`.
  private static final long MOST_AT_ONCE = 1L << 30;

  private final ByteLink link;
  private final MemorySegment front;

  FrameWriter(ByteLink link, Arena arena) {
    this.link = link;
    front = arena.allocate(FrameHeader.BYTES + Connection.MOST_HEAD + SMALL_BODY, 64);
  }

  void send(MemorySegment head, List<MemorySegment> body, long bodyBytes, Deadline deadline)
      throws ConnectionLost {
    int headBytes = (int) head.byteSize();
    new FrameHeader(headBytes, bodyBytes).write(front, 0);
    long frontBytes = FrameHeader.BYTES;
    MemorySegment.copy(head, 0, front, frontBytes, headBytes);
    frontBytes += headBytes;
    List<ByteBuffer> parts = new ArrayList<>(1 + body.size());
    if (bodyBytes <= SMALL_BODY) {
      for (MemorySegment part : body) {
        MemorySegment.copy(part, 0, front, frontBytes, part.byteSize());
        frontBytes += part.byteSize();
      }
      parts.add(front.asSlice(0, frontBytes).asByteBuffer());
    } else {
      parts.add(front.asSlice(0, frontBytes).asByteBuffer());
      addAll(body, parts);
    }
    link.write(parts.toArray(ByteBuffer[]::new), deadline);
  }

  /// Adds the segments in order, in buffers as large as a buffer may be.
  static void addAll(List<MemorySegment> segments, List<ByteBuffer> to) {
    for (MemorySegment segment : segments) {
      for (long at = 0; at < segment.byteSize(); at += MOST_AT_ONCE) {
        long bytes = Math.min(MOST_AT_ONCE, segment.byteSize() - at);
        to.add(segment.asSlice(at, bytes).asByteBuffer());
      }
    }
  }
}
