package io.dejavu.transport;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/// A connection's promises, whatever its frames go through: sizes are checked before anything is
/// sent or read, only the last frame that arrived can be read, the first thing that fails ends the
/// connection, and everybody hears what that was.
abstract sealed class FramedConnection implements Connection
    permits RingConnection, StreamConnection {
  private final Identity peer;
  private final long mostBody;
  private final AtomicReference<@Nullable String> end = new AtomicReference<>();

  /// Why nothing can be sent any more, though something may still be received.
  private volatile @Nullable String sendingEnd;

  private @Nullable Arrived last;

  FramedConnection(Identity peer, TransportConfig config) {
    this.peer = peer;
    mostBody = config.mostBody();
  }

  /// @param bytes of the body
  abstract void sendFrame(
      MemorySegment head, List<MemorySegment> body, long bytes, Deadline deadline)
      throws ConnectionLost;

  /// @return null if no frame began to arrive by `deadline`
  abstract @Nullable MemorySegment receiveHead(Deadline deadline) throws ConnectionLost;

  /// Bytes of the body behind that head that were not read yet.
  abstract long bodyLeft();

  /// @param bytes that `targets` have room for; so many are left
  abstract void readBody(List<MemorySegment> targets, long bytes, Deadline deadline)
      throws ConnectionLost;

  /// Lets go of the medium; whoever waits for it finds it gone. Called once.
  abstract void release();

  @Override
  public final String peer() {
    return peer.name();
  }

  @Override
  public final UUID peerIncarnation() {
    return peer.incarnation();
  }

  @Override
  public final long mostBody() {
    return mostBody;
  }

  @Override
  public final void send(MemorySegment head, List<MemorySegment> body, Deadline deadline)
      throws ConnectionLost {
    long bytes = Frames.checkSent(head, body, mostBody);
    guarded(
        () -> {
          var why = sendingEnd;
          if (why != null) {
            throw ConnectionLost.byPeer(why, null);
          }
          sendFrame(head, body, bytes, deadline);
        },
        true);
  }

  @Override
  public final @Nullable Incoming receive(Deadline deadline) throws ConnectionLost {
    last = null;
    guarded(
        () -> {
          var head = receiveHead(deadline);
          last = head == null ? null : new Arrived(head);
        },
        false);
    return last;
  }

  private interface Step {
    void run() throws ConnectionLost;
  }

  /// Whatever fails ends the connection; whoever finds the medium gone because of that hears why.
  /// Only that the peer is gone ends sending alone: what it sent before is still to be received.
  private void guarded(Step step, boolean isSending) throws ConnectionLost {
    var why = whyEnded();
    if (why != null) {
      throw new ConnectionLost(why);
    }
    try {
      step.run();
    } catch (ConnectionLost e) {
      if (isSending && e.isPeersEnd() && whyEnded() == null) {
        sendingEnd = e.reason();
        throw e;
      }
      throw new ConnectionLost(end(e.reason()), e);
    } catch (RuntimeException e) {
      why = whyEnded();
      if (why != null) {
        throw new ConnectionLost(why, e);
      }
      end("sending to or receiving from %s failed: %s".formatted(peer.name(), e));
      throw e;
    }
  }

  private final class Arrived implements Incoming {
    private final MemorySegment head;

    Arrived(MemorySegment head) {
      this.head = head;
    }

    @Override
    public MemorySegment head() {
      return head;
    }

    @Override
    public long bodyLeft() {
      return last == this ? FramedConnection.this.bodyLeft() : 0;
    }

    @Override
    public void read(List<MemorySegment> targets, Deadline deadline) throws ConnectionLost {
      long bytes = Frames.checkRead(targets, bodyLeft());
      guarded(() -> readBody(targets, bytes, deadline), false);
    }
  }

  @Override
  public final void close() {
    end("the connection to %s was closed".formatted(peer.name()));
  }

  /// Null while it is good.
  final @Nullable String whyEnded() {
    return end.get();
  }

  /// @return why it ended first
  final String end(String why) {
    String before = end.compareAndExchange(null, why);
    if (before != null) {
      return before;
    }
    release();
    return why;
  }
}
