package io.dejavu.kv.stream;

import io.dejavu.kv.LayerRange;
import io.dejavu.kv.TokenRange;
import io.dejavu.kv.stream.KvMessage.Piece;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// A stream as its sender knows it: what is posted and not sent, what the peer has room for and
/// has, and what is to be said next. It knows no lane, no other stream and no clock.
final class SenderStream {
  private enum Phase {
    OFFERED,
    WAITING,
    GRANTED
  }

  /// Areas that it may have pending for each of its layers; more is no stream.
  private static final int MOST_AREAS_PER_LAYER = 64;

  private final int number;
  private final KvOffer offer;
  private final Pending pending = new Pending();
  private Phase phase = Phase.OFFERED;
  private int room;
  private int declared;
  private int committed;
  private int finish = -1;
  private boolean offerDue = true;
  private boolean wasOffered;
  private boolean commitDue;
  private boolean finishDue;
  private boolean renewDue;
  private long toldAt;
  private int reading;
  private @Nullable KvOutcome outcome;

  /// Whether it stands in the line of those that have work; kept by {@link SenderState}.
  boolean isQueued;

  SenderStream(int number, KvOffer offer, long now) {
    this.number = number;
    this.offer = offer;
    this.declared = offer.tokens().start();
    this.committed = declared;
    this.toldAt = now;
  }

  int number() {
    return number;
  }

  int epoch() {
    return offer.epoch();
  }

  /// Whether there is something to say or to send of it now.
  boolean hasWork() {
    return outcome == null
        && (offerDue
            || phase != Phase.OFFERED && (commitDue || finishDue || renewDue)
            || phase == Phase.GRANTED && pending.hasBefore(room));
  }

  // --- what is posted

  /// This is to be sent, perhaps once more.
  void pend(LayerRange layers, TokenRange tokens) {
    pending.add(new Pending.Area(layers, tokens));
  }

  /// Bytes that are posted and not sent.
  long pendingBytes() {
    return pending.cells() * offer.tokenBytes();
  }

  int fragments() {
    return pending.areas();
  }

  boolean isTooFragmented() {
    return fragments() > MOST_AREAS_PER_LAYER * offer.layers().count();
  }

  void commit(int tokens) {
    if (tokens > declared) {
      declared = tokens;
      commitDue = true;
    }
  }

  void finish(int tokens) {
    if (finish < 0) {
      finish = tokens;
      declared = Math.max(declared, tokens);
      finishDue = true;
    }
  }

  // --- what is sent

  /// Says what is due.
  ///
  /// @return whether that was anything
  boolean say(List<KvMessage> messages, long now) {
    int before = messages.size();
    if (offerDue) {
      messages.add(new KvMessage.Offer(number, offer));
      offerDue = false;
      wasOffered = true;
    }
    if (phase == Phase.OFFERED) {
      return messages.size() > before;
    }
    if (finishDue) {
      messages.add(new KvMessage.Finish(number, epoch(), finish));
    } else if (commitDue) {
      messages.add(new KvMessage.Commit(number, epoch(), declared));
    }
    if (renewDue) {
      messages.add(new KvMessage.Renew(number, epoch()));
    }
    finishDue = false;
    commitDue = false;
    renewDue = false;
    if (messages.size() > before) {
      toldAt = now;
    }
    return messages.size() > before;
  }

  /// Takes the next piece. Its memory is read until {@link #sent}.
  ///
  /// @param whole rather nothing than what has to be cut
  /// @return null if there is nothing for which the peer has room, or it is larger
  @Nullable Piece take(long mostBytes, boolean whole, long now) {
    long most = mostBytes / offer.tokenBytes();
    if (phase != Phase.GRANTED || most < 1) {
      return null;
    }
    var area = pending.take(most, room, offer.wireTokens(), whole);
    if (area == null) {
      return null;
    }
    reading++;
    toldAt = now;
    return new Piece(number, epoch(), area.layers(), area.tokens());
  }

  long bytes(Piece piece) {
    return piece.cells() * offer.tokenBytes();
  }

  /// Nothing reads one of its pieces any more.
  void sent() {
    reading--;
  }

  /// Whether a piece of it is being sent now.
  boolean isRead() {
    return reading > 0;
  }

  // --- what may have got lost

  void commitAgain() {
    commitDue = true;
  }

  void finishAgain() {
    finishDue = true;
  }

  /// What the peer has said may have got lost.
  void askAgain() {
    if (phase == Phase.OFFERED) {
      offerDue = true;
    } else {
      renewDue = true;
    }
  }

  /// Lets the peer know that it lives, if it has not been told for so long.
  void renew(long now, long nanos) {
    if (now - toldAt >= nanos && phase != Phase.OFFERED) {
      renewDue = true;
    }
  }

  // --- what the peer answers

  void waiting() {
    if (phase == Phase.OFFERED) {
      phase = Phase.WAITING;
    }
  }

  /// @return whether that is new
  boolean granted(int tokens) {
    if (phase == Phase.GRANTED && tokens <= room) {
      return false;
    }
    phase = Phase.GRANTED;
    room = Math.max(tokens, room);
    return true;
  }

  /// Tokens for which the peer has room.
  int room() {
    return room;
  }

  /// @return whether that is new
  /// @throws BadFrame if these tokens never counted here
  boolean committed(int tokens) throws BadFrame {
    if (tokens > declared) {
      throw new BadFrame(
          "%d tokens of request %d committed of %d".formatted(tokens, offer.request(), declared));
    }
    if (tokens <= committed) {
      return false;
    }
    committed = tokens;
    return true;
  }

  /// How it ended, by what the peer says.
  ///
  /// @throws BadFrame if it cannot be done yet
  KvOutcome outcome(KvMessage.Ended ended) throws BadFrame {
    return switch (ended.end()) {
      case DONE -> {
        if (ended.tokens() != finish) {
          throw new BadFrame(
              "request %d is done with %d tokens, not %d"
                  .formatted(offer.request(), ended.tokens(), finish));
        }
        yield new KvOutcome.Done(ended.tokens());
      }
      case REFUSED -> new KvOutcome.Refused(ended.why());
      case CANCELLED -> new KvOutcome.Cancelled(ended.why());
      case EXPIRED -> new KvOutcome.Expired(ended.why());
      case UNKNOWN -> new KvOutcome.Expired("the receiver does not know it");
    };
  }

  // --- its end

  void end(KvOutcome how) {
    outcome = how;
  }

  /// How it ended; null while it has not.
  @Nullable KvOutcome outcome() {
    return outcome;
  }

  /// Whether the peer may have heard of it.
  boolean wasOffered() {
    return wasOffered;
  }

  @Override
  public String toString() {
    return "%d %s: room %d, pending %d, declared %d, committed %d, finish %d, told %d"
        .formatted(number, phase, room, pending.cells(), declared, committed, finish, toldAt);
  }
}
