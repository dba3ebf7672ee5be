package io.dejavu.kv.stream;

import io.dejavu.kv.LayerRange;
import io.dejavu.kv.TokenRange;

/// One line of a {@link KvFrame}: what sender and receiver of streams tell each other. Each may be
/// repeated without harm, so whatever a lost lane may have swallowed is said again on another.
sealed interface KvMessage {
  /// What of a stream a part of the body is.
  ///
  /// @param stream its number, chosen by the sender, never used again on this connection
  record Piece(int stream, int epoch, LayerRange layers, TokenRange tokens) {
    /// How many tokens of one layer.
    long cells() {
      return (long) layers.count() * tokens.count();
    }
  }

  // --- from the sender

  /// May I send this?
  record Offer(int stream, KvOffer offer) implements KvMessage {}

  /// The next `bytes` of the body are this piece, in wire order.
  ///
  /// @param checksum CRC32C of them, 0 if the frame is not checked
  record Part(Piece piece, int bytes, int checksum) implements KvMessage {}

  /// Tokens before `tokens` count at the sender: every layer of them is computed.
  record Commit(int stream, int epoch, int tokens) implements KvMessage {}

  /// Nothing comes after `tokens`; they count as well.
  record Finish(int stream, int epoch, int tokens) implements KvMessage {}

  /// The sender gives the stream up.
  record Cancel(int stream, int epoch) implements KvMessage {}

  /// The sender lives, and asks what the receiver has.
  record Renew(int stream, int epoch) implements KvMessage {}

  // --- from the receiver

  /// All frames of this lane up to this number were dealt with; what was wrong with them was said
  /// before.
  record Ack(long frames) implements KvMessage {}

  /// The offer was heard; room will be granted later.
  record Waiting(int stream, int epoch) implements KvMessage {}

  /// Tokens before `room` may be sent.
  record Granted(int stream, int epoch, int room) implements KvMessage {}

  /// All layers of the tokens before `tokens` are here and verified.
  record Committed(int stream, int epoch, int tokens) implements KvMessage {}

  /// This piece did not fit its checksum.
  record Resend(Piece piece) implements KvMessage {}

  /// The stream is over at the receiver.
  ///
  /// @param tokens committed
  /// @param why for people, empty if it is done
  record Ended(int stream, int epoch, End end, int tokens, String why) implements KvMessage {}

  /// How.
  enum End {
    DONE(1),
    REFUSED(2),
    CANCELLED(3),
    EXPIRED(4),
    UNKNOWN(5);

    /// Its number on the wire.
    final int code;

    End(int code) {
      this.code = code;
    }
  }
}
