package io.dejavu.kv.stream;

import io.dejavu.transport.Connection;
import io.dejavu.transport.ConnectionLost;
import io.dejavu.transport.Deadline;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/// The other end of a lane, where the test says by hand what the peer says.
final class LaneEnd {
  private final Connection connection;
  private long frames;

  LaneEnd(Connection connection) {
    this.connection = connection;
  }

  /// One frame.
  void say(KvMessage... messages) throws ConnectionLost {
    frames++;
    try (var arena = Arena.ofConfined()) {
      var head = arena.allocate(Connection.MOST_HEAD);
      long bytes = 0;
      for (var message : messages) {
        bytes += message instanceof KvMessage.Part part ? part.bytes() : 0;
      }
      connection.send(
          new KvFrame(frames, false, false, List.of(messages)).write(head),
          List.of(bytes == 0 ? MemorySegment.NULL : arena.allocate(bytes)),
          Deadline.in(Duration.ofSeconds(30)));
    }
  }

  List<KvMessage> receive() throws ConnectionLost, BadFrame {
    var incoming = connection.receive(Deadline.in(Duration.ofSeconds(30)));
    if (incoming == null) {
      throw new IllegalStateException("nothing is said here");
    }
    return KvFrame.read(incoming.head()).messages();
  }

  /// Hears until it hears this.
  void await(KvMessage message) throws ConnectionLost, BadFrame {
    while (!receive().contains(message)) {}
  }

  /// All that is said until the connection ends.
  List<KvMessage> rest() {
    var all = new ArrayList<KvMessage>();
    try {
      while (true) {
        all.addAll(receive());
      }
    } catch (ConnectionLost _) {
      return all;
    } catch (BadFrame e) {
      throw new IllegalStateException(e);
    }
  }

  void close() {
    connection.close();
  }
}
