package io.dejavu.kv.stream;

import io.dejavu.kv.LayerRange;
import io.dejavu.kv.TokenRange;
import io.dejavu.kv.stream.KvMessage.Piece;
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

    /// No lane is left.
    record Lost(String why) implements Effect {}

    /// To close a lane, and then say so by {@link SenderState#laneLost}.
    record CloseLane(int lane, String why) implements Effect {}
  }

  private final KvStreamConfig config;
  private final Map<Integer, SenderStream> streams = new HashMap<>();
  private final Map<Integer, SenderStream> ending = new HashMap<>();
  private final Map<Integer, LaneWindow> lanes = new TreeMap<>();
  private final Deque<SenderStream> ready = new ArrayDeque<>();
  private final Deque<KvMessage.Cancel> cancels = new ArrayDeque<>();
  private List<Effect> effects = new ArrayList<>();
  private long pendingBytes;
  private boolean blocked;
  private boolean isLost;

  SenderState(KvStreamConfig config) {
    this.config = config;
  }

  // --- what the user posts

  void open(int number, KvOffer offer, long now) {
    var stream = new SenderStream(number, offer, now);
    if (isLost) {
      end(stream, new KvOutcome.PeerLost("no connection is left"));
      return;
    }
    streams.put(number, stream);
    queue(stream);
  }

  /// More of it is written and may be sent.
  void post(int number, LayerRange layers, TokenRange tokens) {
    var stream = streams.get(number);
    if (stream == null) {
      return;
    }
    pend(stream, layers, tokens);
    if (stream.isTooFragmented()) {
      end(stream, new KvOutcome.Cancelled("posted in %d fragments".formatted(stream.fragments())));
    }
    queue(stream);
    if (!blocked && pendingBytes > config.queuedBytes()) {
      blocked = true;
      effects.add(new Effect.Blocked());
    }
  }

  private void pend(SenderStream stream, LayerRange layers, TokenRange tokens) {
    pendingBytes -= stream.pendingBytes();
    stream.pend(layers, tokens);
    pendingBytes += stream.pendingBytes();
  }

  /// It stands in line once, as long as it has work.
  private void queue(SenderStream stream) {
    if (!stream.isQueued && stream.hasWork()) {
      stream.isQueued = true;
      ready.add(stream);
    }
  }

  void commit(int number, int tokens) {
    var stream = streams.get(number);
    if (stream != null) {
      stream.commit(tokens);
      queue(stream);
    }
  }

  void finish(int number, int tokens) {
    var stream = streams.get(number);
    if (stream != null) {
      stream.finish(tokens);
      queue(stream);
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
    lanes.put(number, new LaneWindow(number, config.laneFrames(), now));
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
      effects.add(new Effect.Lost(why));
      return;
    }
    for (var frame : lane.frames()) {
      frame.messages().forEach(this::again);
      for (var piece : frame.pieces()) {
        var stream = streams.get(piece.stream());
        if (stream != null) {
          pend(stream, piece.layers(), piece.tokens());
        }
      }
    }
    for (var stream : streams.values()) {
      stream.askAgain(); // what the peer said on that lane may be lost too
      queue(stream);
    }
  }

  private void again(KvMessage message) {
    switch (message) {
      case KvMessage.Commit(int number, _, _) -> {
        var stream = streams.get(number);
        if (stream != null) {
          stream.commitAgain();
        }
      }
      case KvMessage.Finish(int number, _, _) -> {
        var stream = streams.get(number);
        if (stream != null) {
          stream.finishAgain();
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
    return hasRoom(number) && isReady();
  }

  /// Whether the peer has acknowledged enough for one more frame on this lane.
  boolean hasRoom(int number) {
    var lane = lanes.get(number);
    return lane != null && lane.hasRoom();
  }

  /// Whether something waits for a lane with room.
  boolean isReady() {
    return !ready.isEmpty() || !cancels.isEmpty();
  }

  /// Whether the peer has heard all there is to say, or nobody can tell it any more.
  boolean isQuiet() {
    return isLost || !isReady() && lanes.values().stream().allMatch(LaneWindow::isEmpty);
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
    var frame = new FrameFilling(config.pieceBytes());
    while (!cancels.isEmpty() && frame.hasRoom()) {
      frame.add(cancels.remove());
    }
    fill(frame, now);
    if (frame.isEmpty()) {
      return null;
    }
    var outgoing = lane.add(frame.messages(), frame.pieces(), !ready.isEmpty(), now);
    pendingBytes -= frame.bytes();
    unblock();
    return outgoing;
  }

  /// Streams take turns, a piece at a time.
  private void fill(FrameFilling frame, long now) {
    for (int idle = 0; idle < ready.size() && frame.hasRoom(); ) {
      var stream = ready.remove();
      stream.isQueued = false;
      if (stream.outcome() != null) {
        continue;
      }
      boolean progress = frame.takeFrom(stream, now);
      queue(stream);
      idle = progress ? 0 : idle + 1;
    }
  }

  private void unblock() {
    if (blocked && pendingBytes <= config.queuedBytes() / 2) {
      blocked = false;
      effects.add(new Effect.Unblocked());
    }
  }

  /// Nothing reads the memory of these pieces any more, whether they were sent or not.
  void sent(Outgoing frame) {
    for (var piece : frame.pieces()) {
      var stream = streams.get(piece.stream());
      if (stream == null) {
        stream = ending.get(piece.stream());
      }
      if (stream != null) {
        stream.sent();
        var outcome = stream.outcome();
        if (outcome != null && !stream.isRead()) {
          ending.remove(stream.number());
          effects.add(new Effect.Ended(stream.number(), outcome));
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
    lane.heard(now);
    for (var message : messages) {
      switch (message) {
        case KvMessage.Ack(long frames) -> lane.acknowledged(frames);
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

  private @Nullable SenderStream find(int number, int epoch) {
    var stream = streams.get(number);
    return stream != null && stream.epoch() == epoch ? stream : null;
  }

  private void waiting(@Nullable SenderStream stream) {
    if (stream != null) {
      stream.waiting();
      queue(stream);
    }
  }

  private void granted(@Nullable SenderStream stream, int room) {
    if (stream != null && stream.granted(room)) {
      effects.add(new Effect.Granted(stream.number(), stream.room()));
      queue(stream);
    }
  }

  private void committed(@Nullable SenderStream stream, int tokens) throws BadFrame {
    if (stream != null && stream.committed(tokens)) {
      effects.add(new Effect.Committed(stream.number(), tokens));
    }
  }

  private void resend(LaneWindow lane, Piece piece) throws BadFrame {
    if (!lane.contains(piece)) {
      throw new BadFrame("asks again for %s, which was not sent".formatted(piece));
    }
    var stream = find(piece.stream(), piece.epoch());
    if (stream != null) {
      pend(stream, piece.layers(), piece.tokens());
      queue(stream);
    }
  }

  private void ended(@Nullable SenderStream stream, KvMessage.Ended ended) throws BadFrame {
    if (stream != null) {
      committed(stream, ended.tokens());
      end(stream, stream.outcome(ended));
    }
  }

  private void end(SenderStream stream, KvOutcome outcome) {
    stream.end(outcome);
    streams.remove(stream.number());
    pendingBytes -= stream.pendingBytes();
    if (outcome instanceof KvOutcome.Cancelled && stream.wasOffered() && !isLost) {
      // Harmless if it was the peer that cancelled.
      cancels.add(new KvMessage.Cancel(stream.number(), stream.epoch()));
    }
    if (stream.isRead()) {
      ending.put(stream.number(), stream);
    } else {
      effects.add(new Effect.Ended(stream.number(), outcome));
    }
    unblock();
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
          if (lane.isStuck(now, config.patience().toNanos())) {
            effects.add(
                new Effect.CloseLane(
                    number, "nothing acknowledged for " + config.patience().toMillis() + " ms"));
          }
        });
    for (var stream : streams.values()) {
      stream.renew(now, renewal());
      queue(stream);
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
