package io.dejavu.transport;

import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/// One of the five messages with which two processes prove to each other that they know the secret,
/// before the first frame; numbers are big-endian.
///
/// ```
///  0      4         5      6       8
///  +------+---------+------+-------+---------+
///  | DJVH | version | type | bytes | payload |
///  +------+---------+------+-------+---------+
/// ```
///
/// @param version of the handshake and of all that follows
/// @param payload at most {@link #MOST_PAYLOAD} bytes
record HandshakeMessage(int version, Turn turn, byte[] payload) {
  static final int VERSION = 1;
  static final int MOST_PAYLOAD = 1024;

  private static final int MAGIC = 'D' << 24 | 'J' << 16 | 'V' << 8 | 'H';
  private static final int PREFIX = 8;

  enum Turn {
    HELLO(1),
    CHALLENGE(2),
    PROOF(3),
    WELCOME(4),
    READY(5),
    REFUSED(9);

    private final int code;

    Turn(int code) {
      this.code = code;
    }
  }

  static HandshakeMessage of(Turn turn, byte[] payload) {
    return new HandshakeMessage(VERSION, turn, payload);
  }

  /// As it is sent; also what proofs are made of.
  byte[] bytes() {
    return ByteBuffer.allocate(PREFIX + payload.length)
        .putInt(MAGIC)
        .put((byte) version)
        .put((byte) turn.code)
        .putShort((short) payload.length)
        .put(payload)
        .array();
  }

  String text() {
    return new String(payload, StandardCharsets.UTF_8);
  }

  void send(ByteLink link, Deadline deadline) throws ConnectionLost {
    try (var arena = Arena.ofConfined()) {
      byte[] bytes = bytes();
      ByteBuffer buffer = arena.allocate(bytes.length).asByteBuffer().put(bytes).flip();
      link.write(new ByteBuffer[] {buffer}, deadline);
    }
  }

  /// Reads exactly one message.
  static HandshakeMessage receive(ByteLink link, String peer, Deadline deadline)
      throws ConnectionLost {
    try (var arena = Arena.ofConfined()) {
      ByteBuffer prefix = arena.allocate(PREFIX).asByteBuffer();
      fill(link, prefix, peer, deadline);
      int magic = prefix.getInt();
      int version = prefix.get();
      int code = prefix.get();
      int length = prefix.getShort();
      if (magic != MAGIC || length < 0 || length > MOST_PAYLOAD) {
        throw new ConnectionLost(
            "%s does not speak this protocol: it says %016x".formatted(peer, prefix.getLong(0)));
      }
      byte[] payload = new byte[length];
      if (length > 0) {
        ByteBuffer rest = arena.allocate(length).asByteBuffer();
        fill(link, rest, peer, deadline);
        rest.get(payload);
      }
      Turn turn =
          Arrays.stream(Turn.values())
              .filter(known -> known.code == code)
              .findFirst()
              .orElseThrow(
                  () ->
                      new ConnectionLost(
                          "%s sent a message of unknown type %d".formatted(peer, code)));
      return new HandshakeMessage(version, turn, payload);
    }
  }

  private static void fill(ByteLink link, ByteBuffer buffer, String peer, Deadline deadline)
      throws ConnectionLost {
    while (buffer.hasRemaining()) {
      if (link.read(new ByteBuffer[] {buffer}, deadline) == 0) {
        throw new ConnectionLost("%s did not finish the handshake in time".formatted(peer));
      }
    }
    buffer.flip();
  }
}
