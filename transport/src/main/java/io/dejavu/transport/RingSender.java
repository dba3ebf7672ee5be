package io.dejavu.transport;

import io.dejavu.transport.Doorbell.Sleeper;
import java.lang.foreign.MemorySegment;
import java.util.List;

/// The sending end of a ring: frames go in piece by piece, so that the peer copies out the first
/// pieces of a body while the next are copied in.
///
/// A frame begins at a multiple of {@link #LINE} bytes, and so does its body.
final class RingSender {
  static final long LINE = 64;

  /// Most bytes put in before the peer hears of them: few enough that both copies are under way at
  /// once, enough that hearing costs nothing beside copying.
  static final long PIECE = 64 << 10;

  private static final long LOOK_NANOS = 5_000_000;

  private final Ring ring;
  private final Doorbell bell;
  private final String peer;
  private final long piece;
  private final long room;
  private long put;
  private long published;
  private long taken;
  private long lookedAt = System.nanoTime();

  RingSender(Ring ring, Doorbell bell, String peer) {
    this.ring = ring;
    this.bell = bell;
    this.peer = peer;
    piece = Math.min(PIECE, ring.capacity() / 4);
    room = ring.capacity() - LINE; // the last line is for padding
  }

  /// Bytes that a frame takes in the ring.
  static long frameBytes(long head, long body) {
    return padded(FrameHeader.BYTES + head) + padded(body);
  }

  static long padded(long bytes) {
    return (bytes + LINE - 1) & -LINE;
  }

  boolean hasRoom(long bytes) throws ConnectionLost {
    if (put + bytes - taken > room) {
      seeTaken();
    }
    return put + bytes - taken <= room;
  }

  void send(MemorySegment head, List<MemorySegment> body, long bodyBytes, Deadline deadline)
      throws ConnectionLost {
    lookNowAndThen();
    awaitRoom(LINE, deadline);
    new FrameHeader((int) head.byteSize(), bodyBytes).write(ring.bytes(), ring.at(put));
    put += FrameHeader.BYTES;
    copyIn(head, deadline);
    put = padded(put);
    for (MemorySegment part : body) {
      copyIn(part, deadline);
    }
    put = padded(put);
    publish();
  }

  private void copyIn(MemorySegment from, Deadline deadline) throws ConnectionLost {
    long bytes = from.byteSize();
    long done = 0;
    while (done < bytes) {
      long at = ring.at(put);
      long some = Math.min(bytes - done, Math.min(ring.capacity() - at, piece));
      awaitRoom(some, deadline);
      MemorySegment.copy(from, done, ring.bytes(), at, some);
      put += some;
      done += some;
      if (put - published >= piece) {
        publish();
      }
    }
  }

  private void publish() {
    if (put != published) {
      published = put;
      if (ring.publishPut(put)) {
        bell.ring();
      }
    }
  }

  private void seeTaken() throws ConnectionLost {
    taken = ring.taken();
    long onTheWay = published - taken;
    if (onTheWay < 0 || onTheWay > ring.capacity()) {
      throw new ConnectionLost(
          "%s says that it took %d bytes of %d".formatted(peer, taken, published));
    }
  }

  private void lookNowAndThen() throws ConnectionLost {
    long now = System.nanoTime();
    if (now - lookedAt > LOOK_NANOS) {
      lookedAt = now;
      bell.look();
    }
    if (bell.peerIsGone()) {
      throw gone();
    }
  }

  private ConnectionLost gone() {
    return ConnectionLost.byPeer(peer + " is gone", null);
  }

  private void awaitRoom(long bytes, Deadline deadline) throws ConnectionLost {
    if (hasRoom(bytes)) {
      return;
    }
    publish();
    for (var spin = new SpinWait(deadline); spin.lasts(); ) {
      if (hasRoom(bytes)) {
        return;
      }
    }
    // Woken when there is room for several pieces, not for each.
    long wanted = put + Math.max(bytes, ring.capacity() / 4) - room;
    while (true) {
      bell.lieDown(Sleeper.SENDER);
      ring.wakeSenderAt(wanted);
      if (hasRoom(bytes)) {
        ring.wakeSenderAt(0);
        return;
      }
      if (bell.isClosed() || bell.peerIsGone()) {
        throw gone();
      }
      long left = deadline.nanosLeft();
      if (left <= 0) {
        throw new ConnectionLost(
            "%s did not make room for a frame in time: %d bytes are on the way"
                .formatted(peer, published - taken));
      }
      bell.sleep(Sleeper.SENDER, left);
      if (Thread.currentThread().isInterrupted()) {
        throw new ConnectionLost("interrupted while sending to " + peer);
      }
    }
  }
}
