package io.dejavu.transport;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/// A connection over a stream of bytes: frames one behind the other. Large bodies go from where
/// they lie to where they belong; heads and small bodies through a buffer, so that they take one
/// call.
final class StreamConnection implements Connection {
  private final Identity peer;
  private final ByteLink link;
  private final long mostBody;
  private final FrameWriter writer;
  private final FrameReader reader;
  private final AtomicReference<@Nullable String> end = new AtomicReference<>();
  private @Nullable Arrived last;

  StreamConnection(Identity peer, ByteLink link, TransportConfig config) {
    this.peer = peer;
    this.link = link;
    this.mostBody = config.mostBody();
    link.peerIs(peer.name());
    Arena arena = Arena.ofAuto(); // two small buffers, gone with the connection
    writer = new FrameWriter(link, arena);
    reader = new FrameReader(link, peer.name(), mostBody, config.patience(), arena);
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

  /// What the system has buffered is not known.
  @Override
  public boolean hasRoom(long bodyBytes) {
    return false;
  }

  @Override
  public void send(MemorySegment head, List<MemorySegment> body, Deadline deadline)
      throws ConnectionLost {
    long bytes = Frames.checkSent(head, body, mostBody);
    guarded(() -> writer.send(head, body, bytes, deadline));
  }

  @Override
  public @Nullable Incoming receive(Deadline deadline) throws ConnectionLost {
    last = null;
    guarded(
        () -> {
          MemorySegment head = reader.receive(deadline);
          last = head == null ? null : new Arrived(head);
        });
    return last;
  }

  private interface Step {
    void run() throws ConnectionLost;
  }

  /// Whatever fails ends the connection.
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
      return last == this ? reader.bodyLeft() : 0;
    }

    @Override
    public void read(List<MemorySegment> targets, Deadline deadline) throws ConnectionLost {
      long bytes = Frames.checkRead(targets, bodyLeft());
      guarded(() -> reader.read(targets, bytes, deadline));
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
    link.close();
    return why;
  }
}
