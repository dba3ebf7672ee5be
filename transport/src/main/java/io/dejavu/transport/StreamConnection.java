package io.dejavu.transport;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// A connection over a stream of bytes: frames one behind the other. Large bodies go from where
/// they lie to where they belong; heads and small bodies through a buffer, so that they take one
/// call.
final class StreamConnection extends FramedConnection {
  private final ByteLink link;
  private final FrameWriter writer;
  private final FrameReader reader;

  StreamConnection(Identity peer, ByteLink link, TransportConfig config) {
    super(peer, config);
    this.link = link;
    link.peerIs(peer.name());
    Arena arena = Arena.ofAuto(); // two small buffers, gone with the connection
    writer = new FrameWriter(link, arena);
    reader = new FrameReader(link, peer.name(), config.mostBody(), config.patience(), arena);
  }

  /// What the system has buffered is not known.
  @Override
  public boolean hasRoom(long bodyBytes) {
    return false;
  }

  @Override
  void sendFrame(MemorySegment head, List<MemorySegment> body, long bytes, Deadline deadline)
      throws ConnectionLost {
    writer.send(head, body, bytes, deadline);
  }

  @Override
  @Nullable MemorySegment receiveHead(Deadline deadline) throws ConnectionLost {
    return reader.receive(deadline);
  }

  @Override
  long bodyLeft() {
    return reader.bodyLeft();
  }

  @Override
  void readBody(List<MemorySegment> targets, long bytes, Deadline deadline) throws ConnectionLost {
    reader.read(targets, bytes, deadline);
  }

  @Override
  void release() {
    link.close();
  }
}
