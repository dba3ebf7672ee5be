package io.dejavu.kv.stream;

/// Where streams of keys and values may arrive: whoever owns the memory and decides who gets some.
///
/// Called by one thread of a {@link KvReceiver} at a time; must be quick and must not wait. One
/// that several receivers share is called by several threads.
public interface KvLanding {
  /// Somebody would like to send this. To be answered by {@link KvArrival#grant} or {@link
  /// KvArrival#refuse}, now or whenever something becomes free.
  void offered(KvArrival arrival);

  /// Every layer of the tokens before `tokens` is in its memory, verified.
  default void committed(KvArrival arrival, int tokens) {}

  /// It is over, and nothing writes to its memory any more: that belongs to the landing again, with
  /// {@link KvArrival#committed} good tokens in it. Called once for everything that was offered,
  /// granted or not.
  void ended(KvArrival arrival, KvOutcome outcome);

  /// Some time has passed, a fraction of a lease: what waits for too long can be given up.
  default void tick() {}

  /// The last connection to a sender is lost. All its streams have ended or are about to, nothing
  /// comes from it any more, and its receiver can be closed.
  default void lost(String peer, String why) {}
}
