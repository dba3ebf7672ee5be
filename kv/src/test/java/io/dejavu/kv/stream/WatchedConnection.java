package io.dejavu.kv.stream;

import io.dejavu.transport.Connection;
import io.dejavu.transport.ConnectionLost;
import io.dejavu.transport.Deadline;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/// A connection with gates: a test stops whoever sends where it likes, and hears what became of it.
final class WatchedConnection extends PassingConnection {
  /// What is sent from now on waits for it.
  volatile CountDownLatch sends = new CountDownLatch(0);

  /// Whoever sends waits there.
  volatile CountDownLatch sending = new CountDownLatch(1);

  /// Sending throws it, as a bug would.
  volatile @Nullable RuntimeException bug;

  final CountDownLatch sendFailed = new CountDownLatch(1);
  final CountDownLatch closed = new CountDownLatch(1);

  WatchedConnection(Connection connection) {
    super(connection);
  }

  static void await(CountDownLatch gate) {
    try {
      if (!gate.await(30, TimeUnit.SECONDS)) {
        throw new IllegalStateException("nothing happens");
      }
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public void send(MemorySegment head, List<MemorySegment> body, Deadline deadline)
      throws ConnectionLost {
    var gate = sends;
    if (gate.getCount() > 0) {
      sending.countDown();
      await(gate);
    }
    var thrown = bug;
    if (thrown != null) {
      throw thrown;
    }
    try {
      connection.send(head, body, deadline);
    } catch (ConnectionLost e) {
      sendFailed.countDown();
      throw e;
    }
  }

  @Override
  public void close() {
    connection.close();
    closed.countDown();
  }
}
