package io.dejavu.serve.bench.kv;

import io.dejavu.transport.Connection;
import io.dejavu.transport.ConnectionLost;
import io.dejavu.transport.Deadline;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/// A connection as if its link carried no more than so many bytes a second: the thread that sends a
/// frame is held for as long as its head and body would take, then the frame is handed on (store
/// and forward). What comes back is not held.
final class PacedConnection implements Connection {
  private final Connection link;
  private final ByteRate rate;
  private final Clock clock;

  /// When the link has carried all frames so far.
  private long freeAt;

  private volatile boolean isClosed;

  /// The time, and letting it pass.
  interface Clock {
    /// As `System.nanoTime()` counts.
    long nanoTime();

    /// Lets some of the next so many nanoseconds pass, never more.
    void rest(long nanos);
  }

  /// Sleeps while there is time, then looks again and again: a sleep ends late.
  private static final class RealClock implements Clock {
    /// By how much sleeps are late, at most as a rule.
    private static final long LATE_NANOS = TimeUnit.MICROSECONDS.toNanos(80);

    /// Whoever sleeps looks so often whether the connection was closed.
    private static final long LONGEST_NANOS = TimeUnit.MILLISECONDS.toNanos(10);

    @Override
    public long nanoTime() {
      return System.nanoTime();
    }

    @Override
    @SuppressWarnings("ThreadPriorityCheck") // nothing relies on it: who waits looks at the clock
    public void rest(long nanos) {
      if (nanos > LATE_NANOS) {
        LockSupport.parkNanos(this, Math.min(nanos - LATE_NANOS, LONGEST_NANOS));
      } else {
        Thread.yield();
      }
    }
  }

  PacedConnection(Connection link, ByteRate rate) {
    this(link, rate, new RealClock());
  }

  PacedConnection(Connection link, ByteRate rate, Clock clock) {
    this.link = link;
    this.rate = rate;
    this.clock = clock;
    this.freeAt = clock.nanoTime();
  }

  @Override
  public String peer() {
    return link.peer();
  }

  @Override
  public UUID peerIncarnation() {
    return link.peerIncarnation();
  }

  @Override
  public long mostBody() {
    return link.mostBody();
  }

  /// False: every frame waits.
  @Override
  public boolean hasRoom(long bodyBytes) {
    return false;
  }

  @Override
  public void send(MemorySegment head, List<MemorySegment> body, Deadline deadline)
      throws ConnectionLost {
    long bytes = head.byteSize();
    for (var segment : body) {
      bytes += segment.byteSize();
    }
    long now = clock.nanoTime();
    freeAt = (freeAt - now > 0 ? freeAt : now) + rate.nanos(bytes);
    if (freeAt - deadline.nanoTime() > 0) {
      close();
      throw new ConnectionLost(
          "%s: %d bytes at %s take too long".formatted(peer(), bytes, rate.text()));
    }
    for (long left; !isClosed && (left = freeAt - clock.nanoTime()) > 0; ) {
      if (Thread.currentThread().isInterrupted()) {
        close();
        throw new ConnectionLost("%s: interrupted".formatted(peer()));
      }
      clock.rest(left);
    }
    link.send(head, body, deadline);
  }

  @Override
  public @Nullable Incoming receive(Deadline deadline) throws ConnectionLost {
    return link.receive(deadline);
  }

  @Override
  public void close() {
    isClosed = true;
    link.close();
  }
}
