package io.dejavu.kv.stream;

import io.dejavu.tensor.HostBuffer;
import io.dejavu.transport.Connection;
import io.dejavu.transport.ConnectionLost;
import io.dejavu.transport.Deadline;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;

/// One connection of a {@link KvReceiver}: the thread `kv-receiver` reads pieces to where they
/// belong and answers. Answers that nothing on this lane has caused are sent by the receiver's own
/// thread; a lock keeps it one at a time.
final class ReceiverLane {
  private static final int MOST_REPLIES = 100;

  /// How soon to acknowledge what the sender thought would be followed by more.
  private static final Duration SOON = Duration.ofMillis(5);

  private final KvReceiver receiver;
  private final int number;
  private final Connection connection;
  private final KvStreamConfig config;
  private final Thread thread;
  private final PieceCopy copy;

  /// Guards the connection's sending side and the two below.
  private final ReentrantLock turn = new ReentrantLock();

  private final HostBuffer head = HostBuffer.allocate(Connection.MOST_HEAD, 64);
  private long replies;
  private volatile boolean isMute;
  private volatile boolean isClosed;

  ReceiverLane(KvReceiver receiver, int number, Connection connection, KvStreamConfig config) {
    this.receiver = receiver;
    this.number = number;
    this.connection = connection;
    this.config = config;
    copy = new PieceCopy(config.runBytes(), config.pieceBytes());
    thread =
        Thread.ofPlatform()
            .name("kv-receiver %s/%d".formatted(connection.peer(), number))
            .daemon()
            .unstarted(this::receiveAll);
  }

  void start() {
    thread.start();
  }

  int number() {
    return number;
  }

  boolean canReply() {
    return !isClosed && !isMute;
  }

  private void receiveAll() {
    var why = "closed";
    try {
      while (!isClosed) {
        var wait = !isMute && receiver.hasReplies(number) ? SOON : receiver.tick();
        var incoming = connection.receive(Deadline.in(wait));
        if (incoming == null) {
          receiver.decide(state -> state.tick(System.nanoTime()));
          reply();
        } else {
          receive(incoming);
        }
      }
    } catch (ConnectionLost e) {
      why = e.reason();
    } catch (BadFrame e) {
      why = "%s sends garbage: %s".formatted(connection.peer(), e.getMessage());
      reply(); // what became of others
    } catch (RuntimeException e) {
      why = "receiving fails: " + e;
      receiver.log(e);
      reply();
    } finally {
      // Only now: until here this thread may have written into somebody's memory.
      close();
      receiver.lost(this, why);
      free();
    }
  }

  private void receive(Connection.Incoming incoming) throws ConnectionLost, BadFrame {
    var frame = KvFrame.read(incoming.head());
    receiver.frame(number, frame);
    for (var message : frame.messages()) {
      if (message instanceof KvMessage.Part part) {
        read(part, incoming, frame.checked());
      } else {
        receiver.message(number, message);
      }
    }
    if (incoming.bodyLeft() > 0) {
      throw new BadFrame("%d bytes belong to no piece".formatted(incoming.bodyLeft()));
    }
    if (receiver.frameDone(number, frame.more())) {
      reply();
    }
  }

  private void read(KvMessage.Part part, Connection.Incoming incoming, boolean isChecked)
      throws ConnectionLost, BadFrame {
    if (part.bytes() < 0 || part.bytes() > incoming.bodyLeft()) {
      throw new BadFrame(
          "%d bytes of a piece, %d are left".formatted(part.bytes(), incoming.bodyLeft()));
    }
    copy.reset();
    var what = receiver.arrives(number, part);
    var deadline = Deadline.in(config.patience()); // not while another lane was in the way
    switch (what) {
      case SKIP -> skip(part.bytes(), incoming, deadline);
      case VERIFY_FIRST -> readPacked(part, incoming, isChecked, deadline);
      case DIRECT -> {
        var arrival = receiver.arrival(part.piece().stream());
        var regions = arrival.regions(part.piece());
        var runs = copy.runs(arrival.memory(), regions);
        if (runs.isEmpty()) {
          readPacked(part, incoming, isChecked, deadline);
        } else {
          incoming.read(runs.get(), deadline);
          receiver.arrived(number, part, isGood(part, runs.get(), isChecked));
        }
      }
      case WAIT -> throw new IllegalStateException("waited already");
    }
  }

  private void readPacked(
      KvMessage.Part part, Connection.Incoming incoming, boolean isChecked, Deadline deadline)
      throws ConnectionLost, BadFrame {
    var packed = copy.place(part.bytes());
    incoming.read(List.of(packed), deadline);
    boolean isGood = isGood(part, List.of(packed), isChecked);
    if (isGood) {
      var arrival = receiver.arrival(part.piece().stream());
      arrival.memory().scatter(packed, arrival.regions(part.piece()));
    }
    receiver.arrived(number, part, isGood);
  }

  private static boolean isGood(KvMessage.Part part, List<MemorySegment> runs, boolean isChecked) {
    return !isChecked || PieceCopy.checksum(runs) == part.checksum();
  }

  private void skip(int bytes, Connection.Incoming incoming, Deadline deadline)
      throws ConnectionLost {
    var trash = copy.place(Math.min(bytes, config.pieceBytes()));
    for (long left = bytes; left > 0; left -= trash.byteSize()) {
      incoming.read(List.of(trash.asSlice(0, Math.min(left, trash.byteSize()))), deadline);
    }
  }

  /// Says what there is to say. A sender that is gone may have sent something before, which still
  /// counts: so the lane ends when it has been read, and not when nobody hears any more.
  void reply() {
    reply(Deadline.in(config.patience()));
  }

  /// The same, unless somebody else speaks here just now, or nobody can any more.
  ///
  /// @return whether it was said
  boolean tryReply() {
    if (!canReply() || !turn.tryLock()) {
      return false;
    }
    try {
      reply();
    } finally {
      turn.unlock();
    }
    return canReply();
  }

  private void reply(Deadline deadline) {
    turn.lock();
    try {
      while (canReply()) {
        var messages = receiver.replies(number, MOST_REPLIES);
        if (messages.isEmpty()) {
          return;
        }
        replies++;
        var written = new KvFrame(replies, false, false, messages).write(head.segment());
        connection.send(written, List.of(), deadline);
      }
    } catch (ConnectionLost _) {
      isMute = true; // what is received next finds out why
    } catch (RuntimeException e) {
      isMute = true;
      receiver.log(e);
      connection.close();
    } finally {
      turn.unlock();
    }
  }

  /// Says what there still is to say, and ends the connection.
  ///
  /// @param deadline for the peer to make room, if it reads at all
  void finish(Deadline deadline) throws InterruptedException {
    try {
      if (turn.tryLock(Math.max(0, deadline.nanosLeft()), TimeUnit.NANOSECONDS)) {
        try {
          reply(deadline);
        } finally {
          turn.unlock();
        }
      }
    } finally {
      close();
    }
  }

  /// Ends the connection; its thread ends soon after.
  void close() {
    isClosed = true;
    connection.close();
  }

  private void free() {
    turn.lock();
    try {
      copy.close();
      head.close();
    } finally {
      turn.unlock();
    }
  }

  /// Frees what it has; it was never started, and the connection stays open.
  void discard() {
    copy.close();
    head.close();
  }

  void join(Deadline deadline) throws InterruptedException {
    if (!thread.equals(Thread.currentThread())) {
      thread.join(Duration.ofNanos(Math.max(0, deadline.nanosLeft())));
    }
  }
}
