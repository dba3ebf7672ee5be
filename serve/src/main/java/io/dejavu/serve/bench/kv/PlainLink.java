package io.dejavu.serve.bench.kv;

import io.dejavu.transport.Connection;
import io.dejavu.transport.Deadline;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.List;

/// A connection to a {@link KvPeer} over which keys and values go as one would send them at first,
/// without the library: by the thread that computes, a message that says where its body belongs
/// after the other.
final class PlainLink implements AutoCloseable {
  /// Of such a connection.
  static final String NAME = "plain";

  private final KvPeer peer;
  private final Connection connection;
  private final MemorySegment head = MemorySegment.ofArray(new byte[PlainMessage.MOST_BYTES]);

  PlainLink(KvPeer peer) throws IOException {
    this.peer = peer;
    this.connection = peer.connect(NAME);
  }

  void send(PlainMessage message, List<MemorySegment> body) throws IOException {
    connection.send(message.write(head), body, Deadline.in(KvPeer.PATIENCE));
  }

  /// Waits for the one that was asked for.
  void awaitAnswer() throws IOException {
    if (connection.receive(Deadline.in(KvPeer.PATIENCE)) == null) {
      throw new IOException("the peer does not answer");
    }
  }

  KvPeer peer() {
    return peer;
  }

  @Override
  public void close() {
    connection.close();
  }
}
