package io.dejavu.transport;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/// A connection through two rings, one for each direction: within a process or between processes of
/// one host. What the sender copies in, the receiver copies out at the same time, so the pair is
/// about as fast as one copy from memory to memory.
final class RingConnection implements Connection {
  /// The memory of both rings.
  ///
  /// @param sending the ring to the peer
  /// @param receiving the ring from the peer
  /// @param release called once, when this side is done with them
  record Rings(MemorySegment sending, MemorySegment receiving, Runnable release) {}

  private final Identity peer;
  private final long mostBody;
  private final Doorbell bell;
  private final RingSender sender;
  private final RingReceiver receiver;
  private final Runnable release;
  private final Arena heads = Arena.ofAuto();
  private final AtomicReference<@Nullable String> end = new AtomicReference<>();
  private @Nullable Arrived last;

  RingConnection(Identity peer, Rings rings, Doorbell bell, TransportConfig config) {
    this.peer = peer;
    this.mostBody = config.mostBody();
    this.bell = bell;
    release = rings.release();
    sender = new RingSender(new Ring(rings.sending()), bell, peer.name());
    receiver =
        new RingReceiver(
            new Ring(rings.receiving()),
            bell,
            peer.name(),
            mostBody,
            config.patience(),
            heads.allocate(MOST_HEAD));
  }

  @Override
  public String peer() {
    return peer.name();
  }

  @Override
  public UUID peerIncarnation() {
    return peer.incarnation();
  }

  @Override
  public long mostBody() {
    return mostBody;
  }

  @Override
  public boolean hasRoom(long bodyBytes) {
    if (end.get() != null) {
      return false;
    }
    try {
      return sender.hasRoom(RingSender.frameBytes(MOST_HEAD, bodyBytes));
    } catch (ConnectionLost e) {
      end(e.reason());
      return false;
    } catch (IllegalStateException e) {
      if (end.get() == null) {
        throw e;
      }
      return false; // closed just now, and its memory with it
    }
  }

  @Override
  public void send(MemorySegment head, List<MemorySegment> body, Deadline deadline)
      throws ConnectionLost {
    long bytes = Frames.checkSent(head, body, mostBody);
    guarded(() -> sender.send(head, body, bytes, deadline));
  }

  @Override
  public @Nullable Incoming receive(Deadline deadline) throws ConnectionLost {
    last = null;
    guarded(
        () -> {
          MemorySegment head = receiver.receive(deadline);
          last = head == null ? null : new Arrived(head);
        });
    return last;
  }

  private interface Step {
    void run() throws ConnectionLost;
  }

  /// Whatever fails ends the connection; whoever finds its memory gone because of that hears why.
  private void guarded(Step step) throws ConnectionLost {
    String why = end.get();
    if (why != null) {
      throw new ConnectionLost(why);
    }
    try {
      step.run();
    } catch (ConnectionLost e) {
      throw new ConnectionLost(end(e.reason()), e);
    } catch (RuntimeException e) {
      why = end.get();
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
      return last == this ? receiver.bodyLeft() : 0;
    }

    @Override
    public void read(List<MemorySegment> targets, Deadline deadline) throws ConnectionLost {
      Frames.checkRead(targets, bodyLeft());
      for (MemorySegment target : targets) {
        guarded(() -> receiver.read(target, deadline));
      }
    }
  }

  @Override
  public void close() {
    end("the connection to %s was closed".formatted(peer.name()));
  }

  /// @return why it ended first
  private String end(String why) {
    String before = end.compareAndExchange(null, why);
    if (before != null) {
      return before;
    }
    bell.close();
    release.run();
    return why;
  }
}
