package io.dejavu.kv.stream;

import static java.lang.System.Logger.Level.WARNING;

import io.dejavu.transport.Connection;
import io.dejavu.transport.Deadline;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Receives keys and values from one peer's {@link KvSender}, into memory that a {@link KvLanding}
/// grants. What does not fit its checksum is asked for again; a token counts when all its layers
/// are verified; an older epoch than the last of a request is refused.
///
/// *Threads.* One `kv-receiver` per connection reads pieces to where they belong, one `kv-replies`
/// says what was granted or cancelled meanwhile, and lets the landing look at the clock. The
/// landing is called by either.
///
/// *Bounds.* A piece has at most {@link KvStreamConfig#MOST_PIECE} bytes; nothing else is kept of
/// what comes. A peer that sends garbage, too many wrong pieces, or half a piece costs its
/// connection; one that falls silent its streams, after their lease.
public final class KvReceiver implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(KvReceiver.class.getName());

  private final String peer;
  private final KvStreamConfig config;
  private final KvLanding landing;
  private final List<ReceiverLane> lanes = new CopyOnWriteArrayList<>();
  private final Map<Integer, KvArrival> arrivals = new ConcurrentHashMap<>();
  private final AtomicInteger lastLane = new AtomicInteger();
  private final Thread replying;
  private volatile boolean isClosed;

  /// Guards the state; held for microseconds.
  private final ReentrantLock deciding = new ReentrantLock();

  /// A lane has let go of its piece.
  private final Condition letGo = deciding.newCondition();

  private final ReceiverState state;
  private long pieces;
  private long bytes;

  private final EffectQueue<ReceiverState.Effect> effects = new EffectQueue<>(this::tell);

  /// What came so far.
  ///
  /// @param pieces that were good, and new
  /// @param bytes of those
  /// @param mismatches pieces that did not fit their checksums
  /// @param late pieces of streams that were over, or of an older epoch
  /// @param repeated pieces that were there already
  public record Received(long pieces, long bytes, long mismatches, long late, long repeated) {}

  private KvReceiver(String peer, KvStreamConfig config, KvEpochs epochs, KvLanding landing) {
    this.peer = peer;
    this.config = config;
    this.landing = landing;
    state = new ReceiverState(config, epochs);
    replying = Thread.ofPlatform().name("kv-replies " + peer).daemon().unstarted(this::replyAll);
  }

  /// Takes over connections to one peer, on whose other ends is its {@link KvSender}.
  ///
  /// @param connections at least one
  /// @param epochs the process's
  public static KvReceiver open(
      List<Connection> connections, KvStreamConfig config, KvEpochs epochs, KvLanding landing) {
    if (connections.isEmpty()) {
      throw new IllegalArgumentException("no connection to receive over");
    }
    var receiver = new KvReceiver(connections.getFirst().peer(), config, epochs, landing);
    receiver.replying.start();
    receiver.add(connections);
    return receiver;
  }

  /// Takes over one more connection, such as one in place of one that was lost.
  ///
  /// @return false if the last one was lost before, or this is closed: it is of no use here, and
  ///   still the caller's
  public boolean add(Connection connection) {
    return add(List.of(connection));
  }

  private boolean add(List<Connection> connections) {
    var added = new ArrayList<ReceiverLane>();
    for (var connection : connections) {
      added.add(new ReceiverLane(this, lastLane.incrementAndGet(), connection, config));
    }
    deciding.lock();
    try {
      if (state.isLost() || isClosed) {
        added.forEach(ReceiverLane::discard);
        return false;
      }
      // All before the first may be lost: it is not the last one.
      added.forEach(lane -> state.laneOpened(lane.number()));
      lanes.addAll(added);
      added.forEach(ReceiverLane::start);
    } finally {
      deciding.unlock();
    }
    return true;
  }

  /// Its name.
  public String peer() {
    return peer;
  }

  // --- for arrivals, on any thread

  boolean granted(int stream, int room) {
    boolean[] isWanted = {false};
    decide(decider -> isWanted[0] = decider.granted(stream, room));
    return isWanted[0];
  }

  /// What nothing on a lane has caused: what comes of it is said by the thread for that.
  void decide(Consumer<ReceiverState> event) {
    boolean isNew;
    deciding.lock();
    try {
      event.accept(state);
      isNew = state.hasOwnReplies();
      effects.add(state.effects());
    } finally {
      deciding.unlock();
    }
    if (isNew) {
      LockSupport.unpark(replying);
    }
    effects.tell();
  }

  private void replyAll() {
    long tickAt = System.nanoTime();
    while (!isClosed && !isLost()) {
      long left = tickAt + tick().toNanos() - System.nanoTime();
      if (left <= 0) {
        tickAt = System.nanoTime();
        decide(ReceiverState::tickLanding);
        continue;
      }
      boolean isNew;
      deciding.lock();
      try {
        isNew = state.hasOwnReplies();
      } finally {
        deciding.unlock();
      }
      if (!isNew || !reply()) {
        LockSupport.parkNanos(this, left);
      }
    }
  }

  /// Over a lane on which nobody waits for the peer just now, if there is one.
  ///
  /// @return false if there is none at all
  private boolean reply() {
    for (var lane : lanes) {
      if (lane.tryReply()) {
        return true;
      }
    }
    var lane = openLane();
    if (lane != null) {
      lane.reply();
    }
    return lane != null;
  }

  private boolean isLost() {
    deciding.lock();
    try {
      return state.isLost();
    } finally {
      deciding.unlock();
    }
  }

  private @Nullable ReceiverLane openLane() {
    for (var lane : lanes) {
      if (lane.canReply()) {
        return lane;
      }
    }
    return null;
  }

  // --- for the lanes

  private interface Event<T> {
    T on(ReceiverState state) throws BadFrame;
  }

  private <T> T onLane(Event<T> event) throws BadFrame {
    try {
      deciding.lock();
      try {
        return event.on(state);
      } finally {
        effects.add(state.effects());
        deciding.unlock();
      }
    } finally {
      effects.tell();
    }
  }

  void frame(int lane, KvFrame frame) throws BadFrame {
    onLane(
        decider -> {
          decider.frame(lane, frame);
          return true;
        });
  }

  void message(int lane, KvMessage message) throws BadFrame {
    long now = System.nanoTime();
    onLane(
        decider -> {
          decider.on(lane, message, now);
          return true;
        });
  }

  /// What to do with a piece; waits until a lane that has its place lets go of it.
  ReceiverState.Arrival arrives(int lane, KvMessage.Part part) throws BadFrame {
    return onLane(
        decider -> {
          var how = decider.arrives(lane, part, System.nanoTime());
          long grace = config.patience().toNanos() / 2;
          for (long left = 2 * grace; how == ReceiverState.Arrival.WAIT; ) {
            int rival = decider.rival(lane, part.piece());
            if (left <= 0) {
              throw new BadFrame("lane %d does not let go of a piece".formatted(rival));
            }
            if (left <= grace) {
              closeLane(rival); // it is stuck
            }
            long most = left > grace ? left - grace : left;
            try {
              left -= most - letGo.awaitNanos(most);
            } catch (InterruptedException _) {
              Thread.currentThread().interrupt();
              throw new BadFrame("interrupted while lane %d has the place".formatted(rival));
            }
            how = decider.arrives(lane, part, System.nanoTime());
          }
          return how;
        });
  }

  private void closeLane(int number) {
    for (var lane : lanes) {
      if (lane.number() == number) {
        lane.close();
      }
    }
  }

  void arrived(int lane, KvMessage.Part part, boolean isGood) throws BadFrame {
    onLane(
        decider -> {
          decider.arrived(lane, isGood);
          if (isGood) {
            pieces++;
            bytes += part.bytes();
          }
          letGo.signalAll();
          return true;
        });
  }

  boolean frameDone(int lane, boolean more) throws BadFrame {
    return onLane(decider -> decider.frameDone(lane, more, System.nanoTime()));
  }

  boolean hasReplies(int lane) throws BadFrame {
    return onLane(decider -> decider.hasReplies(lane));
  }

  List<KvMessage> replies(int lane, int most) {
    deciding.lock();
    try {
      return state.replies(lane, most, System.nanoTime());
    } finally {
      deciding.unlock();
    }
  }

  KvArrival arrival(int stream) {
    var arrival = arrivals.get(stream);
    if (arrival == null) {
      throw new IllegalStateException("stream %d arrives after its end".formatted(stream));
    }
    return arrival;
  }

  /// How often to look at the clock.
  Duration tick() {
    return Duration.ofNanos(Math.max(1, config.lease().toNanos() / 4));
  }

  void lost(ReceiverLane lane, String why) {
    decide(
        decider -> {
          decider.laneLost(lane.number(), why);
          letGo.signalAll();
        });
    lanes.remove(lane); // only now: whoever closes meanwhile waits for this thread
    LockSupport.unpark(replying); // it ends with the last lane
  }

  void log(RuntimeException e) {
    LOG.log(WARNING, "receiving keys and values from %s fails".formatted(peer), e);
  }

  // --- what comes of it

  private void tell(ReceiverState.Effect effect) {
    try {
      switch (effect) {
        case ReceiverState.Effect.Offered(int number, KvOffer offer) -> {
          var arrival = new KvArrival(this, number, offer);
          arrivals.put(number, arrival);
          offered(arrival);
        }
        case ReceiverState.Effect.Committed(int number, _, int tokens) -> {
          var arrival = arrival(number);
          arrival.committed(tokens);
          landing.committed(arrival, tokens);
        }
        case ReceiverState.Effect.Lost(String why) -> landing.lost(peer, why);
        case ReceiverState.Effect.Tick _ -> landing.tick();
        case ReceiverState.Effect.Ended(int number, _, KvOutcome outcome, int tokens) -> {
          var arrival = arrival(number);
          arrival.committed(tokens);
          arrival.ended(outcome);
          try {
            landing.ended(arrival, outcome);
          } finally {
            arrivals.remove(number);
          }
        }
      }
    } catch (RuntimeException e) {
      LOG.log(WARNING, "the landing fails at %s from %s".formatted(effect, peer), e);
    }
  }

  private void offered(KvArrival arrival) {
    try {
      landing.offered(arrival);
    } catch (RuntimeException e) {
      arrival.refuse("the receiver cannot take it: " + e.getMessage());
      throw e;
    }
  }

  /// Streams whose end the landing has not heard of yet.
  public int streams() {
    return arrivals.size();
  }

  public Received received() {
    deciding.lock();
    try {
      return new Received(pieces, bytes, state.mismatches(), state.late(), state.repeated());
    } finally {
      deciding.unlock();
    }
  }

  /// Closes the connections, when the peer was told what the landing has heard, or does not read
  /// it; all streams end, and the landing has all its memory again.
  @Override
  public void close() {
    decide(
        decider -> {
          isClosed = true; // under the lock: no lane is added afterwards
          decider.close();
        });
    LockSupport.unpark(replying);
    var all = List.copyOf(lanes);
    try {
      var told = Deadline.in(config.patience());
      for (var lane : all) {
        lane.finish(told);
      }
      var deadline = Deadline.in(config.patience().multipliedBy(2));
      for (var lane : all) {
        lane.join(deadline);
      }
      if (!replying.equals(Thread.currentThread())) {
        replying.join(Duration.ofNanos(Math.max(1, deadline.nanosLeft())));
      }
      effects.settle(deadline);
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
      all.forEach(ReceiverLane::close);
    }
  }
}
