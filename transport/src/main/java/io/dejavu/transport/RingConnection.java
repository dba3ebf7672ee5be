package io.dejavu.transport;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// A connection through two rings, one for each direction: within a process or between processes of
/// one host. What the sender copies in, the receiver copies out at the same time, so the pair is
/// about as fast as one copy from memory to memory.
final class RingConnection extends FramedConnection {
  /// The memory of both rings.
  ///
  /// @param sending the ring to the peer
  /// @param receiving the ring from the peer
  /// @param release called once, when this side is done with them
  record Rings(MemorySegment sending, MemorySegment receiving, Runnable release) {}

  private final Doorbell bell;
  private final RingSender sender;
  private final RingReceiver receiver;
  private final Runnable release;
  private final Arena heads = Arena.ofAuto();

  RingConnection(Identity peer, Rings rings, Doorbell bell, TransportConfig config) {
    super(peer, config);
    this.bell = bell;
    release = rings.release();
    sender = new RingSender(new Ring(rings.sending()), bell, peer.name());
    receiver =
        new RingReceiver(
            new Ring(rings.receiving()),
            bell,
            peer.name(),
            config.mostBody(),
            config.patience(),
            heads.allocate(MOST_HEAD));
  }

  @Override
  public boolean hasRoom(long bodyBytes) {
    if (whyEnded() != null) {
      return false;
    }
    try {
      return sender.hasRoom(RingSender.frameBytes(MOST_HEAD, bodyBytes));
    } catch (ConnectionLost e) {
      end(e.reason());
      return false;
    } catch (IllegalStateException e) {
      if (whyEnded() == null) {
        throw e;
      }
      return false; // closed just now, and its memory with it
    }
  }

  @Override
  void sendFrame(MemorySegment head, List<MemorySegment> body, long bytes, Deadline deadline)
      throws ConnectionLost {
    sender.send(head, body, bytes, deadline);
  }

  @Override
  @Nullable MemorySegment receiveHead(Deadline deadline) throws ConnectionLost {
    return receiver.receive(deadline);
  }

  @Override
  long bodyLeft() {
    return receiver.bodyLeft();
  }

  @Override
  void readBody(List<MemorySegment> targets, long bytes, Deadline deadline) throws ConnectionLost {
    for (var target : targets) {
      receiver.read(target, deadline);
    }
  }

  @Override
  void release() {
    bell.close();
    release.run();
  }
}
