package io.dejavu.transport;

import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/// Connections that were made and that nobody has accepted yet, and a note of those that were
/// turned away.
final class WaitingRoom implements AutoCloseable {
  private static final int MOST = 256;
  private static final Logger LOG = System.getLogger(WaitingRoom.class.getName());

  private final Address address;
  private final BlockingQueue<Connection> waiting = new ArrayBlockingQueue<>(MOST);
  private final AtomicLong refused = new AtomicLong();
  private volatile String lastRefusal = "";
  private volatile boolean isClosed;

  WaitingRoom(Address address) {
    this.address = address;
  }

  /// @throws ConnectionRefused if there is no room
  void admit(Identity peer) throws ConnectionRefused {
    if (waiting.remainingCapacity() == 0) {
      throw new ConnectionRefused(
          "%s: %d connections wait for somebody to take them"
              .formatted(peer.name(), waiting.size()));
    }
  }

  /// @return whether it has been taken in; else it is closed
  boolean enter(Connection connection) {
    boolean isIn = waiting.offer(connection);
    // Closed in between, and nobody took it: then nobody will.
    if (isIn && isClosed && waiting.remove(connection)) {
      isIn = false;
    }
    if (!isIn) {
      connection.close();
    }
    return isIn;
  }

  @Nullable Connection accept(Deadline deadline) throws IOException {
    try {
      while (true) {
        // Slices, because closing wakes nobody here.
        long nanos = Math.min(deadline.nanosLeft(), TimeUnit.MILLISECONDS.toNanos(100));
        Connection connection = waiting.poll(Math.max(0, nanos), TimeUnit.NANOSECONDS);
        if (connection != null) {
          return connection;
        }
        if (isClosed) {
          throw new IOException("nobody listens any more at " + address);
        }
        if (deadline.hasPassed()) {
          return null;
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted while waiting for peers at " + address, e);
    }
  }

  void noteRefusal(String why) {
    lastRefusal = why;
    refused.incrementAndGet();
    LOG.log(Level.DEBUG, "{0}: turned away: {1}", address, why);
  }

  long refused() {
    return refused.get();
  }

  String lastRefusal() {
    return lastRefusal;
  }

  @Override
  public void close() {
    isClosed = true;
    for (Connection left; (left = waiting.poll()) != null; ) {
      left.close();
    }
  }
}
