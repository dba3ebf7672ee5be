package io.dejavu.kv.stream;

/// Hears what becomes of streams at their sender. Called by one thread at a time, whichever it is;
/// must be quick and must not wait: a scheduler puts what it hears into its inbox.
public interface KvStreamListener {
  /// Hears nothing: whoever asks the streams themselves needs no more.
  KvStreamListener NONE = new KvStreamListener() {};

  /// The receiver has room for the tokens before `room`.
  default void granted(KvStream stream, int room) {}

  /// The receiver has every layer of the tokens before `tokens`, verified.
  default void committed(KvStream stream, int tokens) {}

  /// It is over, and nothing reads its memory any more.
  default void ended(KvStream stream, KvOutcome outcome) {}

  /// More is posted than the peer takes: whatever can wait should.
  default void blocked(String peer) {}

  /// The last connection to the peer is lost: all streams to it have ended or are about to, and its
  /// sender can be closed.
  default void lost(String peer, String why) {}

  /// The peer has caught up.
  default void unblocked(String peer) {}
}
