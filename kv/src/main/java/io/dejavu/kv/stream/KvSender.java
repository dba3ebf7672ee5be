package io.dejavu.kv.stream;

import static java.lang.System.Logger.Level.WARNING;

import io.dejavu.kv.KvMemory;
import io.dejavu.kv.LayerRange;
import io.dejavu.kv.TokenRange;
import io.dejavu.transport.Connection;
import io.dejavu.transport.Deadline;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Sends keys and values to one peer, over one connection or several, which carry pieces in turn
/// and stand in for each other. {@link KvStream} says how a request's are sent.
///
/// *Threads.* Posting puts a note into a queue and never waits: a step loop posts what a step has
/// written, then calls {@link #flush} once. A `kv-sender` (one per connection) that has sent
/// something lately looks by itself every few milliseconds and is not woken, which would cost the
/// step loop more than posting does; one that sleeps is. Streams of one step travel in one frame.
/// What becomes of them the {@link KvStreamListener} hears from whichever thread learns it.
///
/// *Bounds.* Posted pieces are notes, not copies, and neighbours become one; so many frames per
/// connection are on their way; beyond `queuedBytes` the listener hears `blocked`. A peer that does
/// not read, acknowledge or live costs its connections, and the streams then end with {@link
/// KvOutcome.PeerLost}; those of other peers go on.
public final class KvSender implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(KvSender.class.getName());

  /// Notes that wait at most for somebody to read them; who posts more reads them himself.
  private static final int MOST_POSTS = 16384;

  /// How long a sender that closes waits for its peer to hear of it.
  private static final Duration FAREWELL = Duration.ofSeconds(1);

  private final String peer;
  private final KvStreamConfig config;
  private final KvStreamListener listener;
  private final List<SenderLane> lanes = new CopyOnWriteArrayList<>();
  private final Map<Integer, KvStream> streams = new ConcurrentHashMap<>();
  private final AtomicInteger lastStream = new AtomicInteger();
  private final AtomicInteger lastLane = new AtomicInteger();
  private final LongAdder pieces = new LongAdder();
  private final LongAdder bytes = new LongAdder();
  private final LongAdder frames = new LongAdder();

  private final Queue<Consumer<SenderState>> posts = new ConcurrentLinkedQueue<>();
  private final AtomicInteger posted = new AtomicInteger();

  /// Guards the state; held for microseconds.
  private final ReentrantLock deciding = new ReentrantLock();

  /// The peer has heard all there was to say.
  private final Condition quiet = deciding.newCondition();

  private final SenderState state;
  private volatile long tickAt;
  private boolean isClosed; // guarded like the state

  private final EffectQueue<SenderState.Effect> effects = new EffectQueue<>(this::tell);

  /// What was sent so far.
  ///
  /// @param frames of them
  /// @param pieces in all frames, those sent again included
  /// @param bytes of all pieces
  public record Sent(long frames, long pieces, long bytes) {}

  private final class ToPeer implements StreamPosts {
    @Override
    public String peer() {
      return peer;
    }

    @Override
    public void post(int stream, LayerRange layers, TokenRange tokens) {
      KvSender.this.post(decider -> decider.post(stream, layers, tokens));
    }

    @Override
    public void commit(int stream, int tokens) {
      KvSender.this.post(decider -> decider.commit(stream, tokens));
    }

    @Override
    public void finish(int stream, int tokens) {
      KvSender.this.post(decider -> decider.finish(stream, tokens));
      wakeOne();
    }

    @Override
    public void cancel(int stream, String why) {
      KvSender.this.post(decider -> decider.cancel(stream, why));
      wakeOne();
    }
  }

  private KvSender(String peer, KvStreamConfig config, KvStreamListener listener) {
    this.peer = peer;
    this.config = config;
    this.listener = listener;
    state = new SenderState(config);
  }

  /// Takes over connections to one peer, on whose other ends a {@link KvReceiver} listens.
  ///
  /// @param connections at least one
  public static KvSender open(
      List<Connection> connections, KvStreamConfig config, KvStreamListener listener) {
    if (connections.isEmpty()) {
      throw new IllegalArgumentException("no connection to send over");
    }
    var sender = new KvSender(connections.getFirst().peer(), config, listener);
    sender.tickAt = System.nanoTime();
    sender.add(connections);
    return sender;
  }

  /// Takes over one more connection, such as one in place of one that was lost.
  ///
  /// @return false if the last one was lost before, or this is closed: it is of no use here, and
  ///   still the caller's
  public boolean add(Connection connection) {
    return add(List.of(connection));
  }

  private boolean add(List<Connection> connections) {
    var added = new ArrayList<SenderLane>();
    for (var connection : connections) {
      added.add(new SenderLane(this, lastLane.incrementAndGet(), connection, config));
    }
    deciding.lock();
    try {
      if (state.isLost() || isClosed) {
        added.forEach(SenderLane::discard);
        return false;
      }
      // All before the first may be lost: it is not the last one.
      added.forEach(lane -> state.laneOpened(lane.number(), System.nanoTime()));
      lanes.addAll(added);
      added.forEach(SenderLane::start);
    } finally {
      deciding.unlock();
    }
    return true;
  }

  /// Its name.
  public String peer() {
    return peer;
  }

  /// Asks the receiver to make room.
  ///
  /// @param memory where the keys and values are
  /// @throws IllegalArgumentException if they are not, or not in that form
  public KvStream offer(KvOffer offer, KvMemory memory) {
    offer.requireIn(memory.layout());
    if (offer.tokenBytes() > config.pieceBytes()) {
      throw new IllegalArgumentException(
          "a token takes %d bytes, a piece %d".formatted(offer.tokenBytes(), config.pieceBytes()));
    }
    var stream = new KvStream(new ToPeer(), lastStream.incrementAndGet(), offer, memory);
    streams.put(stream.number(), stream);
    post(decider -> decider.open(stream.number(), offer, System.nanoTime()));
    wakeOne();
    return stream;
  }

  private void post(Consumer<SenderState> note) {
    posts.add(note);
    if (posted.incrementAndGet() > MOST_POSTS) {
      decide(_ -> {});
    }
  }

  /// Sees to it that what was posted is sent, within a few milliseconds if a lane has room for it.
  /// Never waits.
  public void flush() {
    for (var lane : lanes) {
      if (lane.isLingering()) {
        return; // if it has no room it wakes one that has
      }
    }
    wakeOne();
  }

  /// The same at once. Lanes that have something to do see themselves what was posted.
  private void wakeOne() {
    if (!wakeFree()) {
      wakeReader();
    }
  }

  /// Wakes one lane that has nothing to do and could send.
  ///
  /// @return false if there is none: who gets room again looks for what there is to send
  private boolean wakeFree() {
    for (var lane : lanes) {
      if (lane.isParked() && lane.hasRoom()) {
        lane.wake();
        return true;
      }
    }
    return false;
  }

  /// Has somebody read the notes, though nothing can be sent: some say that a stream has ended.
  private void wakeReader() {
    for (var lane : lanes) {
      if (lane.isParked()) {
        lane.wake();
        return;
      }
    }
    if (lanes.isEmpty()) {
      decide(_ -> {}); // nobody else would ever read them
    }
  }

  // --- for the lanes

  /// The one door to the state.
  private void decide(Consumer<SenderState> event) {
    deciding.lock();
    try {
      readPosts();
      event.accept(state);
      effects.add(state.effects());
    } finally {
      deciding.unlock();
    }
    effects.tell();
  }

  private void readPosts() {
    for (Consumer<SenderState> post; (post = posts.poll()) != null; ) {
      posted.decrementAndGet();
      post.accept(state);
    }
  }

  boolean hasWork(int lane) {
    if (!posts.isEmpty()) {
      return true;
    }
    deciding.lock();
    try {
      return state.hasWork(lane);
    } finally {
      deciding.unlock();
    }
  }

  /// The next frame of a lane; another lane is woken for what it leaves.
  SenderState.@Nullable Outgoing next(SenderLane lane) {
    SenderState.Outgoing frame;
    boolean leavesSome;
    deciding.lock();
    try {
      readPosts();
      frame = state.next(lane.number(), System.nanoTime());
      signalQuiet(); // of what waited, all may have ended
      leavesSome = state.isReady();
      lane.setRoom(state.hasRoom(lane.number()));
      effects.add(state.effects());
    } finally {
      deciding.unlock();
    }
    effects.tell();
    if (leavesSome) {
      wakeFree();
    }
    return frame;
  }

  KvStream stream(int number) {
    var stream = streams.get(number);
    if (stream == null) {
      throw new IllegalStateException("stream %d is sent after its end".formatted(number));
    }
    return stream;
  }

  void sent(SenderState.Outgoing frame) {
    decide(decider -> decider.sent(frame));
  }

  void count(int sentPieces, long sentBytes) {
    frames.increment();
    pieces.add(sentPieces);
    bytes.add(sentBytes);
  }

  void replied(SenderLane lane, List<KvMessage> messages) throws BadFrame {
    deciding.lock();
    try {
      readPosts();
      state.replied(lane.number(), messages, System.nanoTime());
      lane.setRoom(state.hasRoom(lane.number()));
      signalQuiet();
    } finally {
      effects.add(state.effects());
      deciding.unlock();
    }
    effects.tell();
    for (var each : lanes) {
      if (each.isParked() && hasWork(each.number())) {
        each.wake();
      }
    }
  }

  long tickNanos() {
    return state.tickNanos();
  }

  /// Looks at the clock; to be called whenever a lane has done something.
  void tick() {
    long now = System.nanoTime();
    if (now - tickAt >= tickNanos()) {
      tickAt = now;
      decide(decider -> decider.tick(now));
    }
  }

  void lose(SenderLane lane, String why) {
    lane.close();
    decide(
        decider -> {
          decider.laneLost(lane.number(), why);
          signalQuiet();
        });
    // Only now: whoever closes the sender meanwhile waits for the lane's threads.
    if (lanes.remove(lane)) {
      decide(_ -> {}); // what was left to this lane to read
      lanes.forEach(SenderLane::wake);
    }
  }

  /// A bug, here or of who owns the memory: it costs a lane.
  void fail(SenderLane lane, RuntimeException e) {
    LOG.log(WARNING, "sending keys and values to %s fails".formatted(peer), e);
    lose(lane, "sending fails: " + e);
  }

  // --- what comes of it

  private void tell(SenderState.Effect effect) {
    try {
      switch (effect) {
        case SenderState.Effect.Granted(int number, int room) ->
            listener.granted(stream(number), room);
        case SenderState.Effect.Committed(int number, int tokens) -> {
          stream(number).committed(tokens);
          listener.committed(stream(number), tokens);
        }
        case SenderState.Effect.Ended(int number, KvOutcome outcome) -> {
          var stream = stream(number);
          stream.ended(outcome);
          try {
            listener.ended(stream, outcome);
          } finally {
            streams.remove(number);
            stream.release();
          }
        }
        case SenderState.Effect.Blocked _ -> listener.blocked(peer);
        case SenderState.Effect.Unblocked _ -> listener.unblocked(peer);
        case SenderState.Effect.Lost(String why) -> listener.lost(peer, why);
        case SenderState.Effect.CloseLane(int number, String why) -> {
          for (var lane : lanes) {
            if (lane.number() == number) {
              lose(lane, "%s: %s".formatted(peer, why));
            }
          }
        }
      }
    } catch (RuntimeException e) {
      // The listener's fault is not the peer's, nor that of other streams.
      LOG.log(WARNING, "whoever listens to streams to %s fails at %s".formatted(peer, effect), e);
    }
  }

  /// Streams whose end the listener has not heard of yet.
  public int streams() {
    return streams.size();
  }

  public Sent sent() {
    return new Sent(frames.sum(), pieces.sum(), bytes.sum());
  }

  /// Cancels all streams, and closes the connections when the peer has heard that, or does not
  /// answer. Then the listener has heard of all ends, unless it is the one that closes.
  @Override
  public void close() {
    for (var number : streams.keySet()) {
      post(decider -> decider.cancel(number, "the sender closes"));
    }
    decide(_ -> isClosed = true);
    var all = List.copyOf(lanes);
    var deadline = Deadline.in(config.patience());
    if (!effects.isTelling()) { // else the thread that hears the answers may be this one
      all.forEach(SenderLane::wake);
      awaitQuiet();
    }
    for (var lane : all) {
      lose(lane, "the sender closes");
    }
    try {
      for (var lane : all) {
        lane.join(deadline);
      }
      awaitEnds(deadline);
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
    decide(_ -> {});
  }

  /// A lane that was lost before may still be reading a stream's memory, and another thread may be
  /// telling the listener.
  private void awaitEnds(Deadline deadline) throws InterruptedException {
    decide(_ -> {});
    if (!effects.isTelling()) {
      for (var stream : streams.values()) {
        stream.await(deadline);
      }
      effects.settle(deadline);
    }
  }

  private void awaitQuiet() {
    long left = Math.min(FAREWELL.toNanos(), config.patience().toNanos());
    deciding.lock();
    try {
      while (left > 0 && !state.isQuiet()) {
        left = quiet.awaitNanos(left);
      }
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    } finally {
      deciding.unlock();
    }
  }

  private void signalQuiet() {
    if (state.isQuiet()) {
      quiet.signalAll();
    }
  }
}
