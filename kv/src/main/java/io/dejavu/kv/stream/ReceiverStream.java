package io.dejavu.kv.stream;

import io.dejavu.kv.stream.KvMessage.End;
import io.dejavu.kv.stream.KvMessage.Piece;
import org.jspecify.annotations.Nullable;

/// A stream as its receiver knows it: for how much there is room, what has arrived, and what of
/// that counts. It knows no lane, no other stream and no clock.
final class ReceiverStream {
  private final int number;
  private final KvOffer offer;
  private @Nullable Coverage coverage; // from the grant on: an offer alone takes no memory
  private int room = -1;
  private int declared;
  private int committed;
  private int finish = -1;
  private long heardAt;
  private boolean isTold;
  private @Nullable KvOutcome outcome;

  ReceiverStream(int number, KvOffer offer, long now) {
    this.number = number;
    this.offer = offer;
    this.declared = offer.tokens().start();
    this.committed = declared;
    this.heardAt = now;
  }

  int number() {
    return number;
  }

  KvOffer offer() {
    return offer;
  }

  // --- what the sender says

  void heard(long now) {
    heardAt = now;
  }

  long heardAt() {
    return heardAt;
  }

  /// Nothing comes after these tokens.
  ///
  /// @throws BadFrame if that was said otherwise before
  void finish(int tokens) throws BadFrame {
    if (finish >= 0 && finish != tokens || tokens < declared) {
      throw new BadFrame(
          "request %d ends at %d, before at %d, %d tokens counted"
              .formatted(offer.request(), tokens, finish, declared));
    }
    finish = tokens;
  }

  /// These tokens count as soon as they are here.
  void declare(int tokens) throws BadFrame {
    if (tokens > offer.tokens().end() || finish >= 0 && tokens > finish) {
      throw new BadFrame(
          "%d tokens of request %d count, %s were offered"
              .formatted(tokens, offer.request(), offer.tokens()));
    }
    declared = Math.max(declared, tokens);
  }

  /// Commits what counts and is here.
  ///
  /// @return whether that is more than before
  boolean advance() {
    int complete = coverage == null ? committed : Math.min(declared, coverage.complete());
    if (complete <= committed) {
      return false;
    }
    committed = complete;
    return true;
  }

  int committed() {
    return committed;
  }

  /// Whether all up to its last token is committed.
  boolean isWhole() {
    return committed == finish;
  }

  // --- what it is told

  KvMessage state() {
    return room < 0
        ? new KvMessage.Waiting(number, offer.epoch())
        : new KvMessage.Granted(number, offer.epoch(), room);
  }

  boolean hasCommitted() {
    return committed > offer.tokens().start();
  }

  KvMessage.Committed commitment() {
    return new KvMessage.Committed(number, offer.epoch(), committed);
  }

  KvMessage.Ended ended(End end, String why) {
    return new KvMessage.Ended(number, offer.epoch(), end, committed, why);
  }

  // --- its pieces

  /// @throws BadFrame if no honest peer would send it
  void check(KvMessage.Part part) throws BadFrame {
    var piece = part.piece();
    if (!offer.contains(piece.layers(), piece.tokens())
        || piece.tokens().end() > room
        || part.bytes() != piece.cells() * offer.tokenBytes()
        || part.bytes() > KvStreamConfig.MOST_PIECE) {
      throw new BadFrame(
          "%d bytes of layers %s, tokens %s of %s, room for %d"
              .formatted(part.bytes(), piece.layers(), piece.tokens(), offer, room));
    }
  }

  /// Whether all of it is here.
  boolean has(Piece piece) {
    return coverage().contains(piece.layers(), piece.tokens());
  }

  /// Whether some of it is here.
  boolean hasSomeOf(Piece piece) {
    return coverage().touches(piece.layers(), piece.tokens());
  }

  /// It is here and verified.
  void add(Piece piece) {
    coverage().add(piece.layers(), piece.tokens());
  }

  // --- what the landing decides

  /// @return whether there is more room than before
  boolean grant(int tokens) {
    if (tokens <= room) {
      return false;
    }
    room = tokens;
    if (coverage == null) {
      coverage = new Coverage(offer.layers(), offer.tokens().start());
    }
    return true;
  }

  private Coverage coverage() {
    if (coverage == null) {
      throw new IllegalStateException("nothing of it was granted");
    }
    return coverage;
  }

  /// The landing hears of it now.
  void tell() {
    isTold = true;
  }

  boolean isTold() {
    return isTold;
  }

  void end(KvOutcome how) {
    outcome = how;
  }

  /// How it ended; null while it has not.
  @Nullable KvOutcome outcome() {
    return outcome;
  }
}
