package io.dejavu.transport;

import io.dejavu.transport.Doorbell.Sleeper;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/// The receiving end of a ring. Bytes are copied out as they come and their room is given back
/// piece by piece.
final class RingReceiver {
  /// From so many bytes on, the JDK copies around the caches where a processor has AVX-512: into
  /// memory that is not in them twice as fast as a piece at a time.
  static final long LARGE = 5 << 19;

  private final Ring ring;
  private final Doorbell bell;
  private final String peer;
  private final long mostBody;
  private final Duration patience;
  private final MemorySegment headMemory;
  private final long piece;
  private final boolean hasRoomForLarge;
  private long put;
  private long taken;
  private long published;
  private long frameEnd;
  private long bodyLeft;

  /// @param headMemory {@link Connection#MOST_HEAD} bytes
  /// @param patience for the rest of a head that has begun to arrive
  RingReceiver(
      Ring ring,
      Doorbell bell,
      String peer,
      long mostBody,
      Duration patience,
      MemorySegment headMemory) {
    this.ring = ring;
    this.bell = bell;
    this.peer = peer;
    this.mostBody = mostBody;
    this.patience = patience;
    this.headMemory = headMemory;
    piece = Math.min(RingSender.PIECE, ring.capacity() / 4);
    hasRoomForLarge = ring.capacity() > 2 * LARGE;
  }

  /// The next frame's head, once what is left of the last frame has been skipped.
  ///
  /// @return null if none began to arrive
  @Nullable MemorySegment receive(Deadline deadline) throws ConnectionLost {
    bodyLeft = 0;
    while (taken != frameEnd) {
      if (!awaitBytes(1, frameEnd - taken, deadline)) {
        return null;
      }
      take(Math.min(put, frameEnd) - taken);
    }
    publish();
    if (!awaitBytes(1, RingSender.LINE, deadline)) {
      return null;
    }
    var header = FrameHeader.read(ring.bytes(), ring.at(taken), mostBody, peer);
    frameEnd = taken + RingSender.frameBytes(header.head(), header.body());
    long bodyAt = frameEnd - RingSender.padded(header.body());
    taken += FrameHeader.BYTES;
    MemorySegment head = headMemory.asSlice(0, header.head());
    copyOut(head, Deadline.in(patience));
    // The padding comes as one with what follows it.
    if (taken != bodyAt && !awaitBytes(1, bodyAt - taken, Deadline.in(patience))) {
      throw stalled();
    }
    take(bodyAt - taken);
    bodyLeft = header.body();
    if (bodyLeft == 0) {
      publish();
    }
    return head;
  }

  long bodyLeft() {
    return bodyLeft;
  }

  void read(MemorySegment target, Deadline deadline) throws ConnectionLost {
    copyOut(target, deadline);
    bodyLeft -= target.byteSize();
    if (bodyLeft == 0) {
      publish();
    }
  }

  private void copyOut(MemorySegment target, Deadline deadline) throws ConnectionLost {
    long bytes = target.byteSize();
    long done = 0;
    while (done < bytes) {
      long at = ring.at(taken);
      long most = Math.min(bytes - done, ring.capacity() - at);
      boolean isLarge = hasRoomForLarge && most >= LARGE;
      // What is left after a large copy should be large as well. While less than twice LARGE is
      // awaited, the ring has room for it, so the sender gets so far.
      long least = !isLarge ? 1 : most < 2 * LARGE ? most : LARGE;
      if (!awaitBytes(least, bytes - done, deadline)) {
        throw stalled();
      }
      long some = isLarge ? least : Math.min(Math.min(most, put - taken), piece);
      MemorySegment.copy(ring.bytes(), at, target, done, some);
      take(some);
      done += some;
    }
  }

  private ConnectionLost stalled() {
    return new ConnectionLost("%s stopped in the middle of a frame".formatted(peer));
  }

  private void take(long bytes) {
    taken += bytes;
    if (taken - published >= piece) {
      publish();
    }
  }

  private void publish() {
    if (taken != published) {
      published = taken;
      if (ring.publishTaken(taken)) {
        bell.ring();
      }
    }
  }

  private boolean areThere(long bytes) throws ConnectionLost {
    if (put - taken < bytes) {
      put = ring.put();
      if (put < taken || put - published > ring.capacity()) {
        throw new ConnectionLost(
            "%s says that it put in %d bytes; %d were taken of room for %d"
                .formatted(peer, put, published, ring.capacity()));
      }
    }
    return put - taken >= bytes;
  }

  /// Waits for some bytes.
  ///
  /// @param least so many
  /// @param useful as many as can be used, and will come
  /// @return whether there are that many
  private boolean awaitBytes(long least, long useful, Deadline deadline) throws ConnectionLost {
    if (areThere(least)) {
      return true;
    }
    publish();
    for (var spin = new SpinWait(deadline); spin.lasts(); ) {
      long before = put;
      if (areThere(least)) {
        return true;
      }
      if (put != before) {
        spin = new SpinWait(deadline); // the rest will not be long
      }
    }
    long wanted = taken + Math.max(least, Math.min(useful, ring.capacity() / 4));
    while (true) {
      bell.lieDown(Sleeper.RECEIVER);
      ring.wakeReceiverAt(wanted);
      if (areThere(least)) {
        ring.wakeReceiverAt(0);
        return true;
      }
      if (bell.isClosed() || bell.peerIsGone()) {
        // The peer may have put something in between the last look and its end.
        if (areThere(least)) {
          return true;
        }
        throw new ConnectionLost(
            peer + (taken == frameEnd ? " is gone" : " is gone in the middle of a frame"));
      }
      long left = deadline.nanosLeft();
      if (left <= 0) {
        ring.wakeReceiverAt(0);
        return false;
      }
      bell.sleep(Sleeper.RECEIVER, left);
      if (Thread.currentThread().isInterrupted()) {
        throw new ConnectionLost("interrupted while receiving from " + peer);
      }
    }
  }
}
