package io.dejavu.kv;

import io.dejavu.kv.KvMessage.Piece;
import io.dejavu.transport.Connection;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// Decides what a sender of streams does next. It is told what was posted, what the peer answered,
/// which lanes are there, and the time; it says which frame a lane should send, and what to do
/// besides. It touches no byte, thread or clock, so a test can lead it through any history.
///
/// What is sent stays noted on its lane until it is acknowledged; what a lane loses is sent again
/// on another.
final class SenderState {
  /// A frame to be sent.
  ///
  /// @param lane where
  /// @param number on this lane, from 1
  /// @param more whether another one is ready
  /// @param messages before the pieces
  /// @param pieces to gather, check and send
  record Outgoing(
      int lane, long number, boolean more, List<KvMessage> messages, List<Piece> pieces) {}

  /// What to do besides sending, in this order.
  sealed interface Effect {
    /// Nothing reads this stream's memory any more.
    record Ended(int stream, KvOutcome outcome) implements Effect {}

    record Committed(int stream, int tokens) implements Effect {}

    record Granted(int stream, int room) implements Effect {}

    record Blocked() implements Effect {}

    record Unblocked() implements Effect {}

    /// To close a lane, and then say so by {@link SenderState#laneLost}.
    record CloseLane(int lane, String why) implements Effect {}
  }

  private enum Phase {
    OFFERED,
    WAITING,
    GRANTED
  }

  /// Areas that a stream may have pending for each of its layers; more is no stream.
  private static final int MOST_AREAS_PER_LAYER = 64;

  private final KvStreamConfig config;
  private final Map<Integer, Stream> streams = new HashMap<>();
  private final Map<Integer, Stream> ending = new HashMap<>();
  private final Map<Integer, Lane> lanes = new TreeMap<>();
  private final Deque<Stream> ready = new ArrayDeque<>();
  private final Deque<KvMessage.Cancel> cancels = new ArrayDeque<>();
  private List<Effect> effects = new ArrayList<>();
  private long pendingBytes;
  private boolean blocked;
  private boolean isLost;

  SenderState(KvStreamConfig config) {
    this.config = config;
  }

  private static final class Lane {
    long sent;
    long heardAt;
    final Deque<Outgoing> unacked = new ArrayDeque<>();

    @Override
    public String toString() {
      return "%d sent, %d not acknowledged, heard at %d".formatted(sent, unacked.size(), heardAt);
    }
  }

  private final class Stream {
    final int number;
    final KvOffer offer;
    final Pending pending = new Pending();
    Phase phase = Phase.OFFERED;
    int room;
    int declared;
    int committed;
    int finish = -1;
    boolean offerDue = true;
    boolean wasOffered;
    boolean commitDue;
    boolean finishDue;
    boolean renewDue;
    long toldAt;
    boolean isQueued;

    /// Pieces in frames that are being sent now: their memory is being read.
    int reading;

    @Nullable KvOutcome outcome;

    Stream(int number, KvOffer offer, long now) {
      this.number = number;
      this.offer = offer;
      this.declared = offer.tokens().start();
      this.committed = declared;
      this.toldAt = now;
    }

    int epoch() {
      return offer.epoch();
    }

    @Override
    public String toString() {
      return "%d %s: room %d, pending %d, declared %d, committed %d, finish %d, told %d"
          .formatted(number, phase, room, pending.cells(), declared, committed, finish, toldAt);
    }

    boolean hasWork() {
      return offerDue
          || phase != Phase.OFFERED && (commitDue || finishDue || renewDue)
          || phase == Phase.GRANTED && pending.hasBefore(room);
    }

    void queue() {
      if (!isQueued && outcome == null && hasWork()) {
        isQueued = true;
        ready.add(this);
      }
    }

    void pend(LayerRange layers, TokenRange tokens) {
      pendingBytes -= pending.cells() * offer.tokenBytes();
      pending.add(new Pending.Area(layers, tokens));
      pendingBytes += pending.cells() * offer.tokenBytes();
    }
  }

  // --- what the user posts

  void open(int number, KvOffer offer, long now) {
    var stream = new Stream(number, offer, now);
    if (isLost) {
      end(stream, new KvOutcome.PeerLost("no connection is left"));
      return;
    }
    streams.put(number, stream);
    stream.queue();
  }

  /// More of it is written and may be sent.
  void post(int number, LayerRange layers, TokenRange tokens) {
    var stream = streams.get(number);
    if (stream == null) {
      return;
    }
    stream.pend(layers, tokens);
    if (stream.pending.areas() > MOST_AREAS_PER_LAYER * stream.offer.layers().count()) {
      end(
          stream,
          new KvOutcome.Cancelled("posted in %d fragments".formatted(stream.pending.areas())));
    }
    stream.queue();
    if (!blocked && pendingBytes > config.queuedBytes()) {
      blocked = true;
      effects.add(new Effect.Blocked());
    }
  }

  void commit(int number, int tokens) {
    var stream = streams.get(number);
    if (stream != null && tokens > stream.declared) {
      stream.declared = tokens;
      stream.commitDue = true;
      stream.queue();
    }
  }

  void finish(int number, int tokens) {
    var stream = streams.get(number);
    if (stream != null && stream.finish < 0) {
      stream.finish = tokens;
      stream.declared = Math.max(stream.declared, tokens);
      stream.finishDue = true;
      stream.queue();
    }
  }

  void cancel(int number, String why) {
    var stream = streams.get(number);
    if (stream != null) {
      end(stream, new KvOutcome.Cancelled(why));
    }
  }

  // --- lanes

  void laneOpened(int number, long now) {
    var lane = new Lane();
    lane.heardAt = now;
    lanes.put(number, lane);
  }

  /// What it may have swallowed is to be sent again; without any lane all ends.
  void laneLost(int number, String why) {
    var lane = lanes.remove(number);
    if (lane == null) {
      return;
    }
    if (lanes.isEmpty()) {
      isLost = true;
      cancels.clear();
      for (var stream : List.copyOf(streams.values())) {
        end(stream, new KvOutcome.PeerLost(why));
      }
      return;
    }
    for (var frame : lane.unacked) {
      frame.messages().forEach(this::again);
      for (var piece : frame.pieces()) {
        var stream = streams.get(piece.stream());
        if (stream != null) {
          stream.pend(piece.layers(), piece.tokens());
        }
      }
    }
    for (var stream : streams.values()) {
      // What the peer said on that lane may be lost too.
      if (stream.phase == Phase.OFFERED) {
        stream.offerDue = true;
      } else {
        stream.renewDue = true;
      }
      stream.queue();
    }
  }

  private void again(KvMessage message) {
    switch (message) {
      case KvMessage.Commit(int number, _, _) -> {
        var stream = streams.get(number);
        if (stream != null) {
          stream.commitDue = true;
        }
      }
      case KvMessage.Finish(int number, _, _) -> {
        var stream = streams.get(number);
        if (stream != null) {
          stream.finishDue = true;
        }
      }
      case KvMessage.Cancel cancel -> cancels.add(cancel);
      // All streams ask again anyway.
      case KvMessage.Offer _, KvMessage.Renew _ -> {}
      case KvMessage.Part _,
          KvMessage.Ack _,
          KvMessage.Waiting _,
          KvMessage.Granted _,
          KvMessage.Committed _,
          KvMessage.Resend _,
          KvMessage.Ended _ ->
          throw new IllegalStateException("noted on a lane: " + message);
    }
  }

  /// Whether a frame could be sent on this lane now.
  boolean hasWork(int number) {
    var lane = lanes.get(number);
    return lane != null
        && lane.unacked.size() < config.laneFrames()
        && (!ready.isEmpty() || !cancels.isEmpty());
  }

  /// Bytes of pieces that are posted and not sent.
  long pendingBytes() {
    return pendingBytes;
  }

  /// The next frame of a lane; whoever gets it must call {@link #sent}.
  ///
  /// @return null if there is nothing to send, or the window is full
  @Nullable Outgoing next(int number, long now) {
    var lane = lanes.get(number);
    if (lane == null || !hasWork(number)) {
      return null;
    }
    var frame = new Filling();
    while (!cancels.isEmpty() && frame.hasRoom()) {
      frame.messages.add(cancels.remove());
    }
    fill(frame, now);
    if (frame.isEmpty()) {
      return null;
    }
    if (lane.unacked.isEmpty()) {
      lane.heardAt = now; // it owes an acknowledgement from now on
    }
    lane.sent++;
    boolean more = !ready.isEmpty() && lane.unacked.size() + 1 < config.laneFrames();
    var outgoing = new Outgoing(number, lane.sent, more, frame.messages, frame.pieces);
    lane.unacked.add(outgoing);
    if (blocked && pendingBytes <= config.queuedBytes() / 2) {
      blocked = false;
      effects.add(new Effect.Unblocked());
    }
    return outgoing;
  }

  /// A frame that fills up.
  private final class Filling {
    final List<KvMessage> messages = new ArrayList<>();
    final List<Piece> pieces = new ArrayList<>();
    private long bytes;

    boolean isEmpty() {
      return messages.isEmpty() && pieces.isEmpty();
    }

    /// For all messages of one stream and a piece.
    boolean hasRoom() {
      return (messages.size() + pieces.size() + 4) * KvFrame.MOST_MESSAGE
          <= Connection.MOST_HEAD - KvFrame.HEADER;
    }

    /// Takes one piece of a stream.
    ///
    /// @return whether there was one, and room for it
    boolean take(Stream stream) {
      long tokenBytes = stream.offer.tokenBytes();
      long most = (config.pieceBytes() - bytes) / tokenBytes;
      if (most < 1) {
        return false;
      }
      // Small pieces fill up a frame; what has to be cut anyway rather waits for the next one.
      boolean whole = bytes > config.pieceBytes() / 2;
      var area = stream.pending.take(most, stream.room, stream.offer.wireTokens(), whole);
      if (area == null) {
        return false;
      }
      pieces.add(new Piece(stream.number, stream.epoch(), area.layers(), area.tokens()));
      stream.reading++;
      bytes += area.cells() * tokenBytes;
      pendingBytes -= area.cells() * tokenBytes;
      return true;
    }
  }

  /// Streams take turns, a piece at a time.
  private void fill(Filling frame, long now) {
    for (int idle = 0; idle < ready.size() && frame.hasRoom(); ) {
      var stream = ready.remove();
      stream.isQueued = false;
      if (stream.outcome != null) {
        continue;
      }
      boolean progress = say(stream, frame.messages, now);
      if (stream.phase == Phase.GRANTED && frame.take(stream)) {
        stream.toldAt = now;
        progress = true;
      }
      stream.queue();
      idle = progress ? 0 : idle + 1;
    }
  }

  private boolean say(Stream stream, List<KvMessage> messages, long now) {
    int before = messages.size();
    if (stream.offerDue) {
      messages.add(new KvMessage.Offer(stream.number, stream.offer));
      stream.offerDue = false;
      stream.wasOffered = true;
    }
    if (stream.phase == Phase.OFFERED) {
      return messages.size() > before;
    }
    if (stream.finishDue) {
      messages.add(new KvMessage.Finish(stream.number, stream.epoch(), stream.finish));
    } else if (stream.commitDue) {
      messages.add(new KvMessage.Commit(stream.number, stream.epoch(), stream.declared));
    }
    if (stream.renewDue) {
      messages.add(new KvMessage.Renew(stream.number, stream.epoch()));
    }
    stream.finishDue = false;
    stream.commitDue = false;
    stream.renewDue = false;
    if (messages.size() > before) {
      stream.toldAt = now;
    }
    return messages.size() > before;
  }

  /// Nothing reads the memory of these pieces any more, whether they were sent or not.
  void sent(Outgoing frame) {
    for (var piece : frame.pieces()) {
      var stream = streams.get(piece.stream());
      if (stream == null) {
        stream = ending.get(piece.stream());
      }
      if (stream != null) {
        stream.reading--;
        if (stream.outcome != null && stream.reading == 0) {
          ending.remove(stream.number);
          effects.add(new Effect.Ended(stream.number, stream.outcome));
        }
      }
    }
  }

  // --- what the peer answers

  /// @throws BadFrame if no honest peer would say so
  void replied(int number, List<KvMessage> messages, long now) throws BadFrame {
    var lane = lanes.get(number);
    if (lane == null) {
      return;
    }
    lane.heardAt = now;
    for (var message : messages) {
      switch (message) {
        case KvMessage.Ack(long frames) -> acknowledged(lane, frames);
        case KvMessage.Waiting(int stream, int epoch) -> waiting(find(stream, epoch));
        case KvMessage.Granted(int stream, int epoch, int room) ->
            granted(find(stream, epoch), room);
        case KvMessage.Committed(int stream, int epoch, int tokens) ->
            committed(find(stream, epoch), tokens);
        case KvMessage.Resend(Piece piece) -> resend(lane, piece);
        case KvMessage.Ended ended -> ended(find(ended.stream(), ended.epoch()), ended);
        case KvMessage.Offer _,
            KvMessage.Part _,
            KvMessage.Commit _,
            KvMessage.Finish _,
            KvMessage.Cancel _,
            KvMessage.Renew _ ->
            throw new BadFrame("a receiver says " + message);
      }
    }
  }

  private @Nullable Stream find(int number, int epoch) {
    var stream = streams.get(number);
    return stream != null && stream.epoch() == epoch ? stream : null;
  }

  private static void acknowledged(Lane lane, long frames) throws BadFrame {
    if (frames > lane.sent) {
      throw new BadFrame("%d frames acknowledged, %d sent".formatted(frames, lane.sent));
    }
    while (!lane.unacked.isEmpty() && lane.unacked.element().number() <= frames) {
      lane.unacked.remove();
    }
  }

  private static void waiting(@Nullable Stream stream) {
    if (stream != null && stream.phase == Phase.OFFERED) {
      stream.phase = Phase.WAITING;
      stream.queue();
    }
  }

  private void granted(@Nullable Stream stream, int room) {
    if (stream != null && (stream.phase != Phase.GRANTED || room > stream.room)) {
      stream.phase = Phase.GRANTED;
      stream.room = Math.max(room, stream.room);
      effects.add(new Effect.Granted(stream.number, stream.room));
      stream.queue();
    }
  }

  private void committed(@Nullable Stream stream, int tokens) throws BadFrame {
    if (stream == null) {
      return;
    }
    if (tokens > stream.declared) {
      throw new BadFrame(
          "%d tokens of request %d committed of %d"
              .formatted(tokens, stream.offer.request(), stream.declared));
    }
    if (tokens > stream.committed) {
      stream.committed = tokens;
      effects.add(new Effect.Committed(stream.number, tokens));
    }
  }

  private void resend(Lane lane, Piece piece) throws BadFrame {
    if (lane.unacked.stream().noneMatch(frame -> frame.pieces().contains(piece))) {
      throw new BadFrame("asks again for %s, which was not sent".formatted(piece));
    }
    var stream = find(piece.stream(), piece.epoch());
    if (stream != null) {
      stream.pend(piece.layers(), piece.tokens());
      stream.queue();
    }
  }

  private void ended(@Nullable Stream stream, KvMessage.Ended ended) throws BadFrame {
    if (stream == null) {
      return;
    }
    committed(stream, ended.tokens());
    switch (ended.end()) {
      case DONE -> {
        if (ended.tokens() != stream.finish) {
          throw new BadFrame(
              "request %d is done with %d tokens, not %d"
                  .formatted(stream.offer.request(), ended.tokens(), stream.finish));
        }
        end(stream, new KvOutcome.Done(ended.tokens()));
      }
      case REFUSED -> end(stream, new KvOutcome.Refused(ended.why()));
      case CANCELLED -> end(stream, new KvOutcome.Cancelled(ended.why()));
      case EXPIRED -> end(stream, new KvOutcome.Expired(ended.why()));
      case UNKNOWN -> end(stream, new KvOutcome.Expired("the receiver does not know it"));
    }
  }

  private void end(Stream stream, KvOutcome outcome) {
    stream.outcome = outcome;
    streams.remove(stream.number);
    pendingBytes -= stream.pending.cells() * stream.offer.tokenBytes();
    if (outcome instanceof KvOutcome.Cancelled && stream.wasOffered && !isLost) {
      // Harmless if it was the peer that cancelled.
      cancels.add(new KvMessage.Cancel(stream.number, stream.epoch()));
    }
    if (stream.reading > 0) {
      ending.put(stream.number, stream);
    } else {
      effects.add(new Effect.Ended(stream.number, outcome));
    }
    if (blocked && pendingBytes <= config.queuedBytes() / 2) {
      blocked = false;
      effects.add(new Effect.Unblocked());
    }
  }

  /// Whether the last lane was lost: nothing will be sent any more.
  boolean isLost() {
    return isLost;
  }

  // --- time

  /// Renews what would expire at the receiver, and gives up lanes whose peer is silent.
  void tick(long now) {
    lanes.forEach(
        (number, lane) -> {
          if (!lane.unacked.isEmpty() && now - lane.heardAt > config.patience().toNanos()) {
            effects.add(
                new Effect.CloseLane(
                    number, "nothing acknowledged for " + config.patience().toMillis() + " ms"));
          }
        });
    for (var stream : streams.values()) {
      if (now - stream.toldAt >= renewal() && stream.phase != Phase.OFFERED) {
        stream.renewDue = true;
        stream.queue();
      }
    }
  }

  /// How often {@link #tick} should be called, in nanoseconds.
  long tickNanos() {
    return Math.min(renewal() / 2, config.patience().toNanos() / 8);
  }

  private long renewal() {
    return config.lease().toNanos() / 3;
  }

  /// What to do besides; each is given once.
  List<Effect> effects() {
    if (effects.isEmpty()) {
      return List.of();
    }
    var taken = effects;
    effects = new ArrayList<>();
    return taken;
  }

  @Override
  public String toString() {
    return "%d streams, %d ending, %d ready, lanes %s, %d bytes pending, streams %s"
        .formatted(
            streams.size(), ending.size(), ready.size(), lanes, pendingBytes, streams.values());
  }

  /// Streams that have not ended.
  int streams() {
    return streams.size() + ending.size();
  }
}
