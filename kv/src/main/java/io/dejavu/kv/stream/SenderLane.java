package io.dejavu.kv.stream;

import io.dejavu.tensor.HostBuffer;
import io.dejavu.transport.Connection;
import io.dejavu.transport.ConnectionLost;
import io.dejavu.transport.Deadline;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/// One connection of a {@link KvSender}: the thread `kv-sender` sends what the sender's state says,
/// the thread `kv-acks` hears what the peer answers.
final class SenderLane {
  private static final Duration HEARING = Duration.ofSeconds(1);

  /// How long a lane that can send no more goes on hearing what its peer said before.
  private static final Duration REST = Duration.ofSeconds(1);

  /// How often a lane that has sent something lately looks for more by itself. Waking it at every
  /// step would cost the step loop more than all the rest of posting.
  private static final long LINGER_NANOS = 4_000_000;

  /// So long after the last frame it goes on looking.
  private static final long LATELY_NANOS = 20 * LINGER_NANOS;

  private final KvSender sender;
  private final int number;
  private final Connection connection;
  private final KvStreamConfig config;
  private final Thread sending;
  private final Thread hearing;

  private final HostBuffer head = HostBuffer.allocate(Connection.MOST_HEAD, 64);
  private final PieceCopy copy;

  /// The peer says nothing more, or nobody wants to hear it.
  private final CountDownLatch heardAll = new CountDownLatch(1);

  private volatile boolean isParked;
  private volatile boolean isLingering;
  private volatile boolean hasRoom = true;
  private volatile boolean isClosed;

  SenderLane(KvSender sender, int number, Connection connection, KvStreamConfig config) {
    this.sender = sender;
    this.number = number;
    this.connection = connection;
    this.config = config;
    copy = new PieceCopy(config.runBytes(), config.pieceBytes());
    sending = thread("kv-sender", this::sendAll);
    hearing = thread("kv-acks", this::hearAll);
  }

  private Thread thread(String role, Runnable work) {
    return Thread.ofPlatform()
        .name("%s %s/%d".formatted(role, connection.peer(), number))
        .daemon()
        .unstarted(work);
  }

  void start() {
    sending.start();
    hearing.start();
  }

  int number() {
    return number;
  }

  boolean isParked() {
    return isParked;
  }

  /// Whether it will look within a few milliseconds whether there is something to send.
  boolean isLingering() {
    return isLingering;
  }

  /// Whether the peer has acknowledged enough for one more frame.
  boolean hasRoom() {
    return hasRoom;
  }

  /// Said by whoever holds the lock that guards the decisions.
  void setRoom(boolean hasSome) {
    hasRoom = hasSome;
  }

  /// There may be something to send.
  void wake() {
    LockSupport.unpark(sending);
  }

  private void sendAll() {
    try {
      long sentAt = System.nanoTime() - LATELY_NANOS;
      while (!isClosed) {
        if (sendNext()) {
          sentAt = System.nanoTime();
        } else {
          rest(System.nanoTime() - sentAt < LATELY_NANOS);
        }
        sender.tick();
      }
    } catch (ConnectionLost e) {
      awaitRest();
      sender.lose(this, e.reason());
    } catch (RuntimeException e) {
      sender.fail(this, e);
    } finally {
      free();
    }
  }

  /// A peer that is gone may have said before what became of a stream.
  private void awaitRest() {
    try {
      var _ = heardAll.await(REST.toNanos(), TimeUnit.NANOSECONDS);
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
  }

  private void rest(boolean shortly) {
    // Whoever posts afterwards sees that it is parked or lingers, or it sees what was posted.
    isLingering = shortly;
    isParked = true;
    if (!isClosed && !sender.hasWork(number)) {
      LockSupport.parkNanos(
          this, shortly ? Math.min(LINGER_NANOS, sender.tickNanos()) : sender.tickNanos());
    }
    isParked = false;
  }

  private boolean sendNext() throws ConnectionLost {
    var frame = isClosed ? null : sender.next(this);
    if (frame == null) {
      return false;
    }
    isLingering = false; // the peer may let it wait
    transmit(frame);
    return true;
  }

  private void transmit(SenderState.Outgoing frame) throws ConnectionLost {
    try {
      var messages = new ArrayList<>(frame.messages());
      var body = new ArrayList<MemorySegment>();
      copy.reset();
      long bytes = 0;
      for (var piece : frame.pieces()) {
        var stream = sender.stream(piece.stream());
        var regions = stream.regions(piece.layers(), piece.tokens());
        var runs = copy.bytes(stream.memory(), regions);
        int checksum = config.checksums() ? PieceCopy.checksum(runs) : 0;
        messages.add(new KvMessage.Part(piece, (int) regions.bytes(), checksum));
        body.addAll(runs);
        bytes += regions.bytes();
      }
      var written =
          new KvFrame(frame.number(), frame.more(), config.checksums(), messages)
              .write(head.segment());
      connection.send(written, body, Deadline.in(config.patience()));
      sender.count(frame.pieces().size(), bytes);
    } finally {
      sender.sent(frame);
    }
  }

  private void hearAll() {
    try {
      long heard = 0;
      while (!isClosed) {
        var incoming = connection.receive(Deadline.in(HEARING));
        if (incoming != null) {
          var frame = KvFrame.read(incoming.head());
          heard++;
          if (frame.number() != heard || incoming.bodyLeft() > 0) {
            throw new BadFrame(
                "reply %d after %d, with %d bytes"
                    .formatted(frame.number(), heard - 1, incoming.bodyLeft()));
          }
          sender.replied(this, frame.messages());
        }
      }
    } catch (ConnectionLost e) {
      sender.lose(this, e.reason());
    } catch (BadFrame e) {
      sender.lose(this, "%s sends garbage: %s".formatted(connection.peer(), e.getMessage()));
    } catch (RuntimeException e) {
      sender.fail(this, e);
    } finally {
      heardAll.countDown();
    }
  }

  /// Ends the connection; both threads end soon after.
  void close() {
    isClosed = true;
    heardAll.countDown();
    connection.close();
    LockSupport.unpark(sending);
  }

  /// Frees what it has; it was never started, and the connection stays open.
  void discard() {
    copy.close();
    head.close();
  }

  private void free() {
    close();
    copy.close();
    head.close();
  }

  /// Waits for its threads, unless it is one of them that asks.
  void join(Deadline deadline) throws InterruptedException {
    for (var thread : List.of(sending, hearing)) {
      if (!thread.equals(Thread.currentThread())) {
        thread.join(Duration.ofNanos(Math.max(0, deadline.nanosLeft())));
      }
    }
  }
}
