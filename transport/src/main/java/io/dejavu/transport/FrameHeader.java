package io.dejavu.transport;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// What stands in front of each frame, little-endian.
///
/// ```
///  0       4      8              16
///  +-------+------+---------------+------+------+
///  | DJVF  | head |     body      | head | body |
///  +-------+------+---------------+------+------+
///    magic  bytes       bytes
/// ```
///
/// @param head bytes of the head
/// @param body bytes of the body
record FrameHeader(int head, long body) {
  static final int BYTES = 16;

  private static final int MAGIC = 'D' | 'J' << 8 | 'V' << 16 | 'F' << 24;
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(LITTLE_ENDIAN);
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(LITTLE_ENDIAN);

  void write(MemorySegment to, long at) {
    to.set(INT, at, MAGIC);
    to.set(INT, at + 4, head);
    to.set(LONG, at + 8, body);
  }

  /// @throws ConnectionLost if there is something else
  static FrameHeader read(MemorySegment from, long at, long mostBody, String peer)
      throws ConnectionLost {
    int magic = from.get(INT, at);
    int head = from.get(INT, at + 4);
    long body = from.get(LONG, at + 8);
    if (magic != MAGIC) {
      throw new ConnectionLost("%s sent no frame: it begins with %08x".formatted(peer, magic));
    }
    if (head < 0 || head > Connection.MOST_HEAD || body < 0 || body > mostBody) {
      throw new ConnectionLost(
          "%s sent a frame with a head of %d and a body of %d bytes; at most %d and %d are taken"
              .formatted(peer, head, body, Connection.MOST_HEAD, mostBody));
    }
    return new FrameHeader(head, body);
  }
}
