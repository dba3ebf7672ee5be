package io.dejavu.kv.stream;

import static org.assertj.core.api.Assertions.assertThat;

import io.dejavu.kv.HeadRange;
import io.dejavu.kv.LayerRange;
import io.dejavu.kv.TokenRange;
import io.dejavu.tensor.DType;
import io.dejavu.transport.Connection;
import java.lang.foreign.Arena;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/// Sender and receiver of streams over pretended lanes that lose, delay and corrupt what they
/// carry, with both sides cancelling, granting late, and falling silent. No thread, no clock; a
/// failure names the seed and the last events.
class StreamSimulationTest {
  // More of them: CONTRIBUTING.md says how.
  private static final int SEEDS = Integer.getInteger("dejavu.simulation.seeds", 400);
  private static final long FIRST_SEED = Long.getLong("dejavu.simulation.first", 0);

  @Test
  void whateverGetsLostNothingWrongIsCommittedAndEveryStreamEndsOnBothSides() {
    var totals = new TreeMap<String, Integer>();
    for (long seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
      var simulation = new Simulation(seed);
      try {
        simulation.run();
      } catch (RuntimeException | AssertionError | BadFrame e) {
        throw new AssertionError(
            "seed %d, the last events:%n%s".formatted(seed, String.join("\n", simulation.history)),
            e);
      }
      simulation.totals.forEach((name, count) -> totals.merge(name, count, Integer::sum));
    }

    // What is to be tested does happen.
    assertThat(totals)
        .containsKeys("Done", "Refused", "Cancelled", "Expired", "PeerLost")
        .containsKeys("DIRECT", "VERIFY_FIRST", "SKIP", "WAIT", "mismatch", "lane lost", "late")
        .containsKey("receiver closed");
    assertThat(totals.get("Done")).isGreaterThan(2 * SEEDS);
  }

  /// A lane: what is on its way in both directions.
  private static final class Wire {
    final Deque<KvFrame> there = new ArrayDeque<>();
    final Deque<KvFrame> back = new ArrayDeque<>();
    boolean isUpAtSender = true;
    boolean isUpAtReceiver = true;
    boolean isCut;
    SenderState.@Nullable Outgoing sending;

    /// The frame that the receiver deals with, and what of it is next.
    @Nullable KvFrame receiving;

    int next;
    KvMessage.@Nullable Part reading;
    ReceiverState.@Nullable Arrival how;
    boolean isCorrupt;
    long replies;

    boolean isNeeded() {
      return isUpAtSender || isUpAtReceiver || sending != null;
    }
  }

  /// A stream as its users see it.
  private static final class Source {
    final KvOffer offer;
    int posted;
    final int[] postedOf;
    boolean isFinished;
    @Nullable KvOutcome atSender;
    @Nullable KvOutcome atReceiver;
    boolean isOffered;
    int room;
    int committedAtReceiver;
    int committedAtSender;

    /// What the receiver's memory holds: 0 nothing, 1 the right bytes, -1 wrong ones.
    final int[][] cells;

    Source(KvOffer offer) {
      this.offer = offer;
      int layers = offer.layers().count();
      postedOf = new int[layers];
      Arrays.fill(postedOf, offer.tokens().start());
      posted = offer.tokens().start();
      committedAtReceiver = posted;
      committedAtSender = posted;
      cells = new int[layers][offer.tokens().end()];
    }
  }

  private static final class Simulation {
    final Deque<String> history = new ArrayDeque<>();
    final Map<String, Integer> totals = new TreeMap<>();
    private final SplittableRandom random;
    private final KvStreamConfig config;
    private final SenderState sender;
    private final ReceiverState receiver;
    private final Map<Integer, Wire> wires = new TreeMap<>();
    private final Map<Integer, Source> sources = new HashMap<>();
    private final double corruption;
    private final double loss;
    private long now;
    private int streams;
    private int lanes;
    private boolean isCalm;
    private boolean isSilent;

    Simulation(long seed) {
      random = new SplittableRandom(seed);
      config =
          KvStreamConfig.DEFAULT
              .withPieceBytes(64 << random.nextInt(6))
              .withLaneFrames(1 + random.nextInt(5))
              .withQueuedBytes(1 + random.nextInt(4000))
              .withLease(Duration.ofMillis(300))
              .withPatience(Duration.ofMillis(200));
      corruption = random.nextBoolean() ? 0 : 0.05;
      loss = random.nextInt(3) == 0 ? 0.002 : 0.02;
      sender = new SenderState(config);
      receiver = new ReceiverState(config, new KvEpochs(1000));
      for (int i = 0; i < 1 + random.nextInt(3); i++) {
        open();
      }
    }

    void run() throws BadFrame {
      int steps = 300 + random.nextInt(1500);
      int closesAt = random.nextInt(4) == 0 ? random.nextInt(steps) : steps;
      for (int i = 0; i < steps; i++) {
        if (i == closesAt) {
          closeReceiver();
        }
        act();
      }
      note("calm");
      isCalm = true;
      for (int round = 0; round < 50; round++) {
        sources.forEach((number, _) -> finishOrCancel(number));
        for (int i = 0; i < 100; i++) {
          move();
        }
        landing();
        pass(20);
        if (sender.streams() + receiver.streams() == 0) {
          break;
        }
      }
      // Those whose cancellation got lost with a lane expire.
      for (int i = 0; i < 100; i++) {
        pass(20);
        for (int j = 0; j < 20; j++) {
          move();
        }
      }

      assertThat(sender.streams()).as("%s", sender).isZero();
      assertThat(receiver.streams()).as("%s", receiver).isZero();
      assertThat(sender.pendingBytes()).isZero();
      sources.forEach(this::checkEnd);
      count("late", (int) receiver.late());
    }

    private void checkEnd(int number, Source source) {
      assertThat(source.atSender).as("stream %d", number).isNotNull();
      assertThat(source.isOffered).isEqualTo(source.atReceiver != null);
      count(source.atSender.getClass().getSimpleName(), 1);
      if (source.atSender instanceof KvOutcome.Done(int tokens)) {
        assertThat(source.atReceiver).isEqualTo(new KvOutcome.Done(tokens));
        assertThat(source.committedAtSender).isEqualTo(tokens);
      }
      assertThat(source.committedAtSender).isLessThanOrEqualTo(source.committedAtReceiver);
      checkCells(source, source.committedAtReceiver);
    }

    private static void checkCells(Source source, int tokens) {
      for (var layer : source.cells) {
        for (int token = source.offer.tokens().start(); token < tokens; token++) {
          assertThat(layer[token]).as("token %d", token).isEqualTo(1);
        }
      }
    }

    private void act() throws BadFrame {
      switch (random.nextInt(20)) {
        case 0 -> offer();
        case 1, 2, 3 -> post();
        case 4 -> landing();
        case 5 -> pass(random.nextInt(random.nextInt(20) == 0 ? 400 : 5));
        case 6 -> {
          if (random.nextDouble() < 20 * loss) {
            lose();
          }
        }
        case 7 -> {
          if (random.nextInt(30) == 0) {
            pick().ifPresent(this::cancelAtReceiver);
          }
        }
        default -> move();
      }
    }

    // --- the sender's user

    private void offer() {
      int first = random.nextInt(3) == 0 ? random.nextInt(20) : 0;
      var offer =
          new KvOffer(
              random.nextInt(10),
              random.nextInt(10) < 9 ? 5 : 4 + random.nextInt(3),
              new LayerRange(2, 3 + random.nextInt(5)),
              new HeadRange(0, 1),
              2,
              DType.F32,
              4,
              new TokenRange(first, first + 1 + random.nextInt(60)));
      int number = streams++;
      sources.put(number, new Source(offer));
      note("offer %d: %s".formatted(number, offer));
      sender.open(number, offer, now);
      effects();
    }

    private Optional<Integer> pick() {
      var live =
          sources.entrySet().stream()
              .filter(entry -> entry.getValue().atSender == null)
              .map(Map.Entry::getKey)
              .toList();
      return live.isEmpty() ? Optional.empty() : Optional.of(live.get(random.nextInt(live.size())));
    }

    private void post() {
      pick()
          .ifPresent(
              number -> {
                var source = sources.get(number);
                if (random.nextInt(100) == 0) {
                  note("cancel " + number);
                  sender.cancel(number, "a whim");
                } else if (source.isFinished) {
                  return;
                } else if (random.nextInt(3) > 0) {
                  postLayer(number, source);
                } else {
                  postStep(number, source);
                }
                effects();
              });
    }

    /// One layer is ahead of the others.
    private void postLayer(int number, Source source) {
      int layer = random.nextInt(source.postedOf.length);
      int from = source.postedOf[layer];
      int to = Math.min(source.offer.tokens().end(), from + 1 + random.nextInt(16));
      if (to > from) {
        source.postedOf[layer] = to;
        int which = source.offer.layers().start() + layer;
        sender.post(number, new LayerRange(which, which + 1), new TokenRange(from, to));
      }
    }

    /// All layers up to where the first is, then they count.
    private void postStep(int number, Source source) {
      int to = source.posted;
      for (int upTo : source.postedOf) {
        to = Math.max(to, upTo);
      }
      for (int layer = 0; layer < source.postedOf.length; layer++) {
        if (source.postedOf[layer] < to) {
          int which = source.offer.layers().start() + layer;
          sender.post(
              number, new LayerRange(which, which + 1), new TokenRange(source.postedOf[layer], to));
          source.postedOf[layer] = to;
        }
      }
      source.posted = to;
      sender.commit(number, to);
      if (random.nextInt(4) == 0) {
        source.isFinished = true;
        note("finish %d at %d".formatted(number, to));
        sender.finish(number, to);
      }
    }

    private void finishOrCancel(int number) {
      var source = sources.get(number);
      if (source.atSender == null && !source.isFinished) {
        if (number % 3 == 0) {
          sender.cancel(number, "the end");
        } else {
          postStep(number, source);
          sender.finish(number, source.posted);
          source.isFinished = true;
        }
        effects();
      }
    }

    // --- the receiver's user

    private void landing() {
      sources.forEach(
          (number, source) -> {
            if (source.isOffered
                && source.atReceiver == null
                && random.nextInt(isCalm ? 1 : 2) == 0) {
              if (random.nextInt(isCalm ? 1000 : 60) == 0) {
                receiver.refused(number, "no room");
              } else if (source.room < source.offer.tokens().end()) {
                source.room =
                    isCalm || random.nextBoolean()
                        ? source.offer.tokens().end()
                        : Math.min(
                            source.offer.tokens().end(),
                            Math.max(source.room, source.offer.tokens().start())
                                + random.nextInt(20));
                receiver.granted(number, source.room);
              }
            }
          });
      effects();
    }

    private void cancelAtReceiver(int number) {
      receiver.cancelled(number, "a whim there");
      effects();
    }

    // --- what is between them

    private void open() {
      int lane = lanes++;
      wires.put(lane, new Wire());
      sender.laneOpened(lane, now);
      receiver.laneOpened(lane);
    }

    private void lose() {
      var lane = random.nextInt(lanes);
      var wire = wires.get(lane);
      wire.isCut = true;
      count("lane lost", 1);
      note("lane %d is cut".formatted(lane));
      if (random.nextInt(3) > 0 && wires.values().stream().anyMatch(other -> !other.isCut)) {
        open();
      }
    }

    /// It says what there is to say; meanwhile lanes go on for a moment, for nothing. If no lane
    /// was lost, the sender hears of all that the landing has heard.
    private void closeReceiver() throws BadFrame {
      boolean allUp = wires.values().stream().noneMatch(wire -> wire.isCut);
      note("receiver closes");
      receiver.close();
      for (var entry : wires.entrySet()) {
        while (receiver.hasReplies(entry.getKey()) && !entry.getValue().isCut) {
          reply(entry.getKey(), entry.getValue());
        }
      }
      isSilent = true;
      for (var entry : wires.entrySet()) {
        for (int i = random.nextInt(100); i > 0 && !entry.getValue().isCut; i--) {
          receive(entry.getKey(), entry.getValue());
          effects();
        }
      }
      wires.forEach(this::loseAtReceiver);
      effects();
      if (!allUp) {
        return;
      }
      count("receiver closed", 1);
      for (var entry : wires.entrySet()) {
        for (var back = entry.getValue().back; !back.isEmpty(); ) {
          sender.replied(entry.getKey(), back.remove().messages(), now);
        }
      }
      effects();
      for (var source : sources.values()) {
        if (source.atReceiver instanceof KvOutcome.Done done
            && !(source.atSender instanceof KvOutcome.Cancelled)) {
          assertThat(source.atSender).isEqualTo(done);
        }
      }
    }

    private void pass(int millis) {
      now += Duration.ofMillis(millis).toNanos();
      sender.tick(now);
      receiver.tick(now);
      effects();
    }

    /// Some lane gets on at some place.
    private void move() throws BadFrame {
      var up = wires.entrySet().stream().filter(entry -> entry.getValue().isNeeded()).toList();
      if (up.isEmpty()) {
        return;
      }
      var entry = up.get(random.nextInt(up.size()));
      int lane = entry.getKey();
      var wire = entry.getValue();
      switch (random.nextInt(5)) {
        case 0 -> send(lane, wire);
        case 1 -> reply(lane, wire);
        case 2 -> hear(lane, wire);
        default -> receive(lane, wire);
      }
      effects();
    }

    private void send(int lane, Wire wire) {
      if (wire.sending != null) {
        sender.sent(wire.sending);
        wire.sending = null;
      } else if (wire.isCut) {
        loseAtSender(lane, wire, "cut");
      } else if (wire.isUpAtSender) {
        var outgoing = sender.next(lane, now);
        if (outgoing != null) {
          wire.sending = outgoing;
          var messages = new ArrayList<>(outgoing.messages());
          for (var piece : outgoing.pieces()) {
            var source = sources.get(piece.stream());
            assertThat(source.atSender).isNull();
            assertThat(piece.tokens().end()).isLessThanOrEqualTo(source.room);
            long cells = (long) piece.layers().count() * piece.tokens().count();
            long bytes = cells * source.offer.tokenBytes();
            assertThat(bytes).isLessThanOrEqualTo(config.pieceBytes());
            messages.add(new KvMessage.Part(piece, (int) bytes, 7));
          }
          wire.there.add(coded(new KvFrame(outgoing.number(), outgoing.more(), true, messages)));
        }
      }
    }

    private void loseAtSender(int lane, Wire wire, String why) {
      if (wire.isUpAtSender) {
        wire.isUpAtSender = false;
        wire.isCut = true;
        note("sender loses lane %d".formatted(lane));
        sender.laneLost(lane, why);
      }
    }

    private void loseAtReceiver(int lane, Wire wire) {
      if (wire.isUpAtReceiver) {
        wire.isUpAtReceiver = false;
        wire.isCut = true;
        note("receiver loses lane %d".formatted(lane));
        receiver.laneLost(lane, "cut");
      }
    }

    private void receive(int lane, Wire wire) throws BadFrame {
      if (!wire.isUpAtReceiver || wire.isCut && random.nextInt(3) == 0) {
        loseAtReceiver(lane, wire);
        return;
      }
      if (wire.receiving == null) {
        wire.receiving = wire.there.poll();
        wire.next = 0;
        if (wire.receiving == null) {
          return;
        }
        receiver.frame(lane, wire.receiving);
      }
      var frame = wire.receiving;
      if (wire.reading != null) {
        arrived(lane, wire);
      } else if (wire.next == frame.messages().size()) {
        wire.receiving = null;
        if (receiver.frameDone(lane, frame.more(), now)) {
          reply(lane, wire);
        }
      } else {
        message(lane, wire, frame.messages().get(wire.next));
      }
    }

    private void message(int lane, Wire wire, KvMessage message) throws BadFrame {
      wire.next++;
      switch (message) {
        case KvMessage.Part part -> {
          var how = receiver.arrives(lane, part, now);
          count(how.name(), 1);
          switch (how) {
            case SKIP -> {}
            case WAIT -> {
              int rival = receiver.rival(lane, part.piece());
              if (random.nextInt(4) == 0) {
                loseAtReceiver(rival, wires.get(rival));
              }
              wire.next--;
            }
            case DIRECT, VERIFY_FIRST -> {
              wire.reading = part;
              wire.how = how;
              wire.isCorrupt = random.nextDouble() < corruption;
            }
          }
        }
        default -> receiver.on(lane, message, now);
      }
    }

    private void arrived(int lane, Wire wire) throws BadFrame {
      var piece = wire.reading.piece();
      var source = sources.get(piece.stream());
      assertThat(source.atReceiver).as("nobody writes where a stream has ended").isNull();
      boolean isGood = !wire.isCorrupt;
      if (isGood || wire.how == ReceiverState.Arrival.DIRECT) {
        for (int layer = piece.layers().start(); layer < piece.layers().end(); layer++) {
          Arrays.fill(
              source.cells[layer - source.offer.layers().start()],
              piece.tokens().start(),
              piece.tokens().end(),
              isGood ? 1 : -1);
        }
      }
      wire.reading = null;
      if (!isGood) {
        count("mismatch", 1);
      }
      try {
        receiver.arrived(lane, isGood);
      } catch (BadFrame e) {
        loseAtReceiver(lane, wire);
      }
    }

    private void reply(int lane, Wire wire) {
      if (wire.isUpAtReceiver && !wire.isCut && !isSilent) {
        var messages = receiver.replies(lane, 1 + random.nextInt(100), now);
        if (!messages.isEmpty()) {
          wire.replies++;
          wire.back.add(coded(new KvFrame(wire.replies, false, true, messages)));
        }
      }
    }

    private void hear(int lane, Wire wire) throws BadFrame {
      if (wire.isUpAtSender && !wire.back.isEmpty()) {
        sender.replied(lane, wire.back.remove().messages(), now);
      } else if (wire.isCut) {
        loseAtSender(lane, wire, "cut");
      }
    }

    private void effects() {
      for (var effect : sender.effects()) {
        switch (effect) {
          case SenderState.Effect.Ended(int number, KvOutcome outcome) -> {
            note("sender: %d ends, %s".formatted(number, outcome));
            var source = sources.get(number);
            assertThat(source.atSender).isNull();
            source.atSender = outcome;
            for (var wire : wires.values()) {
              if (wire.sending != null) {
                assertThat(wire.sending.pieces()).noneMatch(piece -> piece.stream() == number);
              }
            }
          }
          case SenderState.Effect.Committed(int number, int tokens) ->
              sources.get(number).committedAtSender = tokens;
          case SenderState.Effect.Granted _ -> {}
          case SenderState.Effect.Blocked _ -> count("blocked", 1);
          case SenderState.Effect.Unblocked _ -> count("blocked", -1);
          case SenderState.Effect.Lost _ -> {
            assertThat(sender.isLost()).isTrue();
            count("sender lost", 1);
          }
          case SenderState.Effect.CloseLane(int lane, String why) ->
              loseAtSender(lane, wires.get(lane), why);
        }
      }
      for (var effect : receiver.effects()) {
        switch (effect) {
          case ReceiverState.Effect.Offered(int number, KvOffer offer) -> {
            assertThat(sources.get(number).offer).isEqualTo(offer);
            assertThat(sources.get(number).isOffered).isFalse();
            sources.get(number).isOffered = true;
          }
          case ReceiverState.Effect.Committed(int number, _, int tokens) -> {
            var source = sources.get(number);
            assertThat(tokens).isGreaterThan(source.committedAtReceiver);
            assertThat(tokens).isLessThanOrEqualTo(source.posted);
            source.committedAtReceiver = tokens;
            checkCells(source, tokens);
          }
          case ReceiverState.Effect.Ended(int number, _, KvOutcome outcome, int tokens) -> {
            note("receiver: %d ends at %d, %s".formatted(number, tokens, outcome));
            var source = sources.get(number);
            assertThat(source.atReceiver).isNull();
            source.atReceiver = outcome;
            checkCells(source, tokens);
          }
          case ReceiverState.Effect.Lost _ -> {
            assertThat(receiver.isLost()).isTrue();
            count("receiver lost", 1);
          }
          case ReceiverState.Effect.Tick _ -> throw new AssertionError("nobody looks at a clock");
        }
      }
    }

    /// What a frame is after it was written and read.
    private static KvFrame coded(KvFrame frame) {
      try (var arena = Arena.ofConfined()) {
        var read = KvFrame.read(frame.write(arena.allocate(Connection.MOST_HEAD)));
        assertThat(read).isEqualTo(frame);
        return read;
      } catch (BadFrame e) {
        throw new AssertionError(e);
      }
    }

    private void count(String what, int times) {
      if (times != 0) {
        totals.merge(what, times, Integer::sum);
      }
    }

    private void note(String event) {
      history.add("%d ms: %s".formatted(now / 1_000_000, event));
      if (history.size() > 50) {
        history.remove();
      }
    }
  }
}
