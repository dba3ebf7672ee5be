package io.dejavu.serve.bench.kv;

import io.dejavu.kv.KvMemory;
import io.dejavu.tensor.HostBuffer;
import io.dejavu.tensor.HostDevice;
import io.dejavu.transport.Connection;
import io.dejavu.transport.ConnectionLost;
import io.dejavu.transport.Deadline;
import java.lang.foreign.MemorySegment;
import java.util.List;

/// The other end of a {@link PlainLink}: puts what comes where it says. For one thread.
final class PlainReceiver implements AutoCloseable {
  private static final MemorySegment ANSWER = MemorySegment.ofArray(new byte[1]);

  private final Connection connection;
  private final KvMemory memory;
  private final BenchSequences sequences;
  private final MemorySegment bytes;
  private HostBuffer packed = HostBuffer.allocate(1 << 20, 64);

  PlainReceiver(Connection connection, KvMemory memory, BenchSequences sequences) {
    this.connection = connection;
    this.memory = memory;
    this.sequences = sequences;
    this.bytes = HostDevice.segment(memory.cache(0).buffer());
  }

  /// Until the connection is lost, because the other side is done.
  void run() throws ConnectionLost {
    while (true) {
      var incoming = connection.receive(Deadline.in(KvPeer.PATIENCE));
      if (incoming != null && take(incoming)) {
        connection.send(ANSWER, List.of(), Deadline.in(KvPeer.PATIENCE));
      }
    }
  }

  /// @return whether an answer is wanted
  private boolean take(Connection.Incoming incoming) throws ConnectionLost {
    return switch (PlainMessage.read(incoming.head())) {
      case PlainMessage.Row(var offset) -> {
        read(incoming, bytes.asSlice(offset, incoming.bodyLeft()));
        yield false;
      }
      case PlainMessage.Packed message -> {
        unpack(message, incoming);
        yield message.answered();
      }
      case PlainMessage.Ask _ -> true;
    };
  }

  private static void read(Connection.Incoming incoming, MemorySegment target)
      throws ConnectionLost {
    incoming.read(List.of(target), Deadline.in(KvPeer.PATIENCE));
  }

  private void unpack(PlainMessage.Packed message, Connection.Incoming incoming)
      throws ConnectionLost {
    long body = incoming.bodyLeft();
    if (body > packed.bytes()) {
      packed.close();
      packed = HostBuffer.allocate(body, 64);
    }
    read(incoming, packed.segment().asSlice(0, body));
    long at = 0;
    for (var part : message.parts()) {
      var regions = sequences.regions(message.layers(), part);
      memory.scatter(packed.segment().asSlice(at, regions.bytes()), regions);
      at += regions.bytes();
    }
  }

  @Override
  public void close() {
    connection.close();
    packed.close();
  }
}
