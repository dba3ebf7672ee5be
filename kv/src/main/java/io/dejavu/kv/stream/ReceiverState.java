package io.dejavu.kv.stream;

import io.dejavu.kv.stream.KvMessage.End;
import io.dejavu.kv.stream.KvMessage.Piece;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Decides what a receiver of streams does next. It is told what came on which lane, what was
/// granted, and the time; it says what to do with a piece, what to answer and what to tell the
/// landing. It touches no byte, thread or clock, so a test can lead it through any history.
///
/// A stream's memory is the stream's from the grant until {@link Effect.Ended}; that comes only
/// when no lane writes there any more. What is verified is never written again unverified.
final class ReceiverState {
  /// What to tell the landing, in this order.
  sealed interface Effect {
    record Offered(int stream, KvOffer offer) implements Effect {}

    record Committed(int stream, KvOffer offer, int tokens) implements Effect {}

    /// @param tokens committed
    record Ended(int stream, KvOffer offer, KvOutcome outcome, int tokens) implements Effect {}

    /// No lane is left.
    record Lost(String why) implements Effect {}

    /// Some time has passed.
    record Tick() implements Effect {}
  }

  /// What to do with a piece whose bytes come next.
  enum Arrival {
    /// Read it to where it belongs.
    DIRECT,
    /// Read it somewhere else and verify it first: some of it is there already.
    VERIFY_FIRST,
    /// Do not read it: nobody wants it, or it is there.
    SKIP,
    /// Another lane ({@link ReceiverState#rival}) is writing the same: wait until it has let go,
    /// and ask again. The sender has given one of them up, but it may be this one that comes late;
    /// so close the other one only if it is stuck.
    WAIT
  }

  /// Ended streams whose end is remembered, should the sender ask again.
  private static final int MOST_ENDS = 4096;

  /// Streams at a time; a peer with more is out of its mind.
  private static final int MOST_STREAMS = 65536;

  /// Layers of a stream; no model has so many.
  private static final int MOST_LAYERS = 4096;

  private final KvStreamConfig config;
  private final KvEpochs epochs;
  private final Map<Integer, ReceiverStream> streams = new HashMap<>();
  private final Map<Integer, Lane> lanes = new HashMap<>();
  private final PieceClaims claims = new PieceClaims();
  private final LinkedHashMap<Integer, KvMessage.Ended> ends = new LinkedHashMap<>();

  /// For whichever lane speaks next. Should one get lost with its lane, the sender asks.
  private final Deque<KvMessage> replies = new ArrayDeque<>();

  private List<Effect> effects = new ArrayList<>();
  private long late;
  private long repeated;
  private long mismatches;
  private boolean isLost;
  private boolean isClosing;

  ReceiverState(KvStreamConfig config, KvEpochs epochs) {
    this.config = config;
    this.epochs = epochs;
  }

  private static final class Lane {
    final LaneReplies replies;
    int mismatches;

    Lane(Deque<KvMessage> repliesOfAll) {
      replies = new LaneReplies(repliesOfAll);
    }
  }

  // --- lanes

  void laneOpened(int number) {
    lanes.put(number, new Lane(replies));
  }

  /// Without any lane all streams end.
  void laneLost(int number, String why) {
    lanes.remove(number);
    release(number);
    if (lanes.isEmpty()) {
      isLost = true;
      replies.clear();
      for (var stream : List.copyOf(streams.values())) {
        end(stream, new KvOutcome.PeerLost(why), End.CANCELLED, why);
      }
      effects.add(new Effect.Lost(why));
    }
  }

  /// Nothing more counts: the sender hears of all that the landing has heard, and neither of
  /// anything else.
  void close() {
    isClosing = true;
  }

  /// A frame begins.
  void frame(int number, KvFrame frame) throws BadFrame {
    if (isClosing) {
      return;
    }
    lane(number).replies.begin(frame.number());
  }

  /// All of a frame was dealt with.
  ///
  /// @return whether it is time to reply
  boolean frameDone(int number, boolean more, long now) {
    var lane = lanes.get(number);
    return lane != null && !isClosing && lane.replies.done(more, config, now);
  }

  /// What to say on a lane now; empty if nothing is new. Each is given once.
  ///
  /// @param most messages
  List<KvMessage> replies(int number, int most, long now) {
    var lane = lanes.get(number);
    return lane == null ? List.of() : lane.replies.take(most, now);
  }

  /// Whether there is something new to say on a lane.
  boolean hasReplies(int number) {
    var lane = lanes.get(number);
    return lane != null && !lane.replies.isEmpty();
  }

  /// Whether there is something new to say that nothing on a lane has caused.
  boolean hasOwnReplies() {
    return !replies.isEmpty();
  }

  private Lane lane(int number) throws BadFrame {
    var lane = lanes.get(number);
    if (lane == null) {
      throw new BadFrame("lane %d is lost".formatted(number));
    }
    return lane;
  }

  // --- messages but pieces

  /// @throws BadFrame if no honest peer would say so
  void on(int number, KvMessage message, long now) throws BadFrame {
    if (isClosing) {
      return;
    }
    switch (message) {
      case KvMessage.Offer offer -> offered(number, offer, now);
      case KvMessage.Commit commit -> committed(commit, now);
      case KvMessage.Finish finish -> finished(finish, now);
      case KvMessage.Cancel cancel -> cancelled(cancel, now);
      case KvMessage.Renew renew -> renewed(number, renew, now);
      case KvMessage.Part _,
          KvMessage.Ack _,
          KvMessage.Waiting _,
          KvMessage.Granted _,
          KvMessage.Committed _,
          KvMessage.Resend _,
          KvMessage.Ended _ ->
          throw new BadFrame("a sender says " + message);
    }
  }

  private void offered(int number, KvMessage.Offer message, long now) throws BadFrame {
    var lane = lane(number);
    var offer = message.offer();
    var known = streams.get(message.stream());
    if (known != null) {
      if (!known.offer().equals(offer)) {
        throw new BadFrame("stream %d is offered twice".formatted(message.stream()));
      }
      lane.replies.add(known.state());
      return;
    }
    var end = ends.get(message.stream());
    if (end != null) {
      lane.replies.add(end);
      return;
    }
    if (streams.size() >= MOST_STREAMS
        || offer.layers().count() > MOST_LAYERS
        || offer.tokenBytes() > KvStreamConfig.MOST_PIECE) {
      throw new BadFrame(
          "%d streams, and one of %d layers, each with %d bytes per token"
              .formatted(streams.size(), offer.layers().count(), offer.tokenBytes()));
    }
    var stream = new ReceiverStream(message.stream(), offer, now);
    streams.put(stream.number(), stream);
    if (!epochs.admit(offer.request(), offer.epoch())) {
      refuse(stream, "another one writes request %d now".formatted(offer.request()));
      return;
    }
    for (var other : List.copyOf(streams.values())) {
      if (other.offer().request() == offer.request() && other.offer().epoch() < offer.epoch()) {
        refuse(other, "epoch %d writes it now".formatted(offer.epoch()));
      }
    }
    stream.tell();
    lane.replies.add(stream.state());
    effects.add(new Effect.Offered(stream.number(), offer));
  }

  private void refuse(ReceiverStream stream, String why) {
    end(stream, new KvOutcome.Refused(why), End.REFUSED, why);
  }

  private void committed(KvMessage.Commit message, long now) throws BadFrame {
    var stream = find(message.stream(), message.epoch(), now);
    if (stream != null) {
      stream.declare(message.tokens());
      advance(stream);
    }
  }

  private void finished(KvMessage.Finish message, long now) throws BadFrame {
    var stream = find(message.stream(), message.epoch(), now);
    if (stream != null) {
      stream.finish(message.tokens());
      stream.declare(message.tokens());
      advance(stream);
    }
  }

  private void advance(ReceiverStream stream) {
    if (stream.advance()) {
      effects.add(new Effect.Committed(stream.number(), stream.offer(), stream.committed()));
      replies.add(stream.commitment());
    }
    if (stream.isWhole()) {
      end(stream, new KvOutcome.Done(stream.committed()), End.DONE, "");
    }
  }

  private void cancelled(KvMessage.Cancel message, long now) {
    var stream = find(message.stream(), message.epoch(), now);
    if (stream != null) {
      end(stream, new KvOutcome.Cancelled("by the sender"), End.CANCELLED, "by the sender");
    } else if (!ends.containsKey(message.stream())) {
      // It has overtaken its offer on another lane.
      remember(
          new KvMessage.Ended(
              message.stream(), message.epoch(), End.CANCELLED, 0, "by the sender"));
    }
  }

  private void renewed(int number, KvMessage.Renew message, long now) throws BadFrame {
    var stream = find(message.stream(), message.epoch(), now);
    var lane = lane(number);
    if (stream != null) {
      lane.replies.add(stream.state());
      if (stream.hasCommitted()) {
        lane.replies.add(stream.commitment());
      }
      return;
    }
    var end = ends.get(message.stream());
    lane.replies.add(
        end != null
            ? end
            : new KvMessage.Ended(message.stream(), message.epoch(), End.UNKNOWN, 0, ""));
  }

  private @Nullable ReceiverStream find(int number, int epoch, long now) {
    var stream = streams.get(number);
    if (stream == null || stream.outcome() != null || stream.offer().epoch() != epoch) {
      return null;
    }
    if (!epochs.admit(stream.offer().request(), epoch)) {
      refuse(stream, "another one writes request %d now".formatted(stream.offer().request()));
      return null;
    }
    stream.heard(now);
    return stream;
  }

  // --- pieces

  /// Says what to do with the next bytes of a frame's body. After {@link Arrival#DIRECT} and {@link
  /// Arrival#VERIFY_FIRST} the lane has the place until {@link #arrived} or {@link #laneLost}.
  ///
  /// @throws BadFrame if no honest peer would send it
  Arrival arrives(int number, KvMessage.Part part, long now) throws BadFrame {
    lane(number); // throws if it is lost
    if (isClosing) {
      return Arrival.SKIP;
    }
    var piece = part.piece();
    var stream = find(piece.stream(), piece.epoch(), now);
    if (stream == null) {
      late++;
      return Arrival.SKIP;
    }
    stream.check(part);
    if (stream.has(piece)) {
      repeated++;
      return Arrival.SKIP;
    }
    if (rival(number, piece) >= 0) {
      return Arrival.WAIT;
    }
    claims.add(number, stream, piece, now);
    return stream.hasSomeOf(piece) ? Arrival.VERIFY_FIRST : Arrival.DIRECT;
  }

  /// The lane that writes some of this piece now; -1 if none does.
  int rival(int number, Piece piece) {
    return claims.rival(number, piece);
  }

  /// The piece that a lane had the place for was read.
  ///
  /// @param isGood whether it fits its checksum; the place holds it then
  /// @throws BadFrame if too many did not
  void arrived(int number, boolean isGood) throws BadFrame {
    var lane = lane(number);
    var claim = release(number);
    if (claim == null) {
      throw new IllegalStateException("nothing arrives on lane " + number);
    }
    if (isClosing) {
      return;
    }
    if (!isGood) {
      mismatches++;
      lane.mismatches++;
      if (lane.mismatches >= config.mostMismatches()) {
        throw new BadFrame("%d pieces do not fit their checksums".formatted(lane.mismatches));
      }
      lane.replies.add(new KvMessage.Resend(claim.piece()));
      return;
    }
    var stream = claim.stream();
    if (stream.outcome() == null) {
      stream.add(claim.piece());
      advance(stream);
    }
  }

  private PieceClaims.@Nullable Claim release(int number) {
    var claim = claims.remove(number);
    if (claim != null) {
      bury(claim.stream());
    }
    return claim;
  }

  // --- the landing's decisions

  /// There is room for the tokens before `room`; never fewer than before.
  ///
  /// @return whether it is still wanted
  boolean granted(int number, int room) {
    var stream = streams.get(number);
    if (stream == null || stream.outcome() != null) {
      return false;
    }
    if (stream.grant(room)) {
      replies.add(stream.state());
    }
    return true;
  }

  void refused(int number, String why) {
    var stream = streams.get(number);
    if (stream != null) {
      refuse(stream, why);
    }
  }

  void cancelled(int number, String why) {
    var stream = streams.get(number);
    if (stream != null) {
      end(stream, new KvOutcome.Cancelled(why), End.CANCELLED, why);
    }
  }

  private void end(ReceiverStream stream, KvOutcome outcome, End end, String why) {
    if (stream.outcome() != null) {
      return;
    }
    stream.end(outcome);
    var message = stream.ended(end, why);
    remember(message);
    replies.add(message);
    bury(stream);
  }

  private void bury(ReceiverStream stream) {
    var outcome = stream.outcome();
    if (outcome != null && !claims.contain(stream)) {
      streams.remove(stream.number());
      if (stream.isTold()) {
        effects.add(new Effect.Ended(stream.number(), stream.offer(), outcome, stream.committed()));
      }
    }
  }

  private void remember(KvMessage.Ended end) {
    ends.put(end.stream(), end);
    if (ends.size() > MOST_ENDS) {
      ends.pollFirstEntry();
    }
  }

  // --- time

  /// Gives up streams that heard nothing for their lease.
  void tick(long now) {
    if (isClosing) {
      return;
    }
    long lease = config.lease().toNanos();
    for (var stream : List.copyOf(streams.values())) {
      // What should have come in time may be behind a piece that takes long.
      if (now - stream.heardAt() > lease && !claims.containOneSince(stream.heardAt() + lease)) {
        var why =
            "nothing heard of request %d for %d ms"
                .formatted(stream.offer().request(), config.lease().toMillis());
        end(stream, new KvOutcome.Expired(why), End.EXPIRED, why);
      }
    }
  }

  /// The landing is to look at the clock.
  void tickLanding() {
    effects.add(new Effect.Tick());
  }

  /// What to tell the landing; each is given once.
  List<Effect> effects() {
    if (effects.isEmpty()) {
      return List.of();
    }
    var taken = effects;
    effects = new ArrayList<>();
    return taken;
  }

  /// Streams whose memory was not given back.
  int streams() {
    return streams.size();
  }

  /// Pieces of streams that were over, or of an older epoch.
  long late() {
    return late;
  }

  /// Pieces that were there already.
  long repeated() {
    return repeated;
  }

  /// Pieces that did not fit their checksums.
  long mismatches() {
    return mismatches;
  }

  boolean isLost() {
    return isLost;
  }
}
