package io.dejavu.kv.stream;

import io.dejavu.transport.Connection;
import io.dejavu.transport.ConnectionLost;
import io.dejavu.transport.Deadline;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/// Another connection, as it is.
abstract class PassingConnection implements Connection {
  final Connection connection;

  PassingConnection(Connection connection) {
    this.connection = connection;
  }

  @Override
  public final String peer() {
    return connection.peer();
  }

  @Override
  public final UUID peerIncarnation() {
    return connection.peerIncarnation();
  }

  @Override
  public final long mostBody() {
    return connection.mostBody();
  }

  @Override
  public final boolean hasRoom(long bodyBytes) {
    return connection.hasRoom(bodyBytes);
  }

  @Override
  public void send(MemorySegment head, List<MemorySegment> body, Deadline deadline)
      throws ConnectionLost {
    connection.send(head, body, deadline);
  }

  @Override
  public @Nullable Incoming receive(Deadline deadline) throws ConnectionLost {
    return connection.receive(deadline);
  }

  @Override
  public void close() {
    connection.close();
  }
}
