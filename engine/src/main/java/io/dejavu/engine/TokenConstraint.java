package io.dejavu.engine;

/// Which tokens may come next: a compiled grammar, for one. A value: a state never changes, so that
/// a sequence which is computed again, or somewhere else, goes on from the state it had.
///
/// Called by the thread that plans the steps, once per token: work that takes long is done before.
public interface TokenConstraint {
  /// Bit `id % 64` of word `id / 64` is set if token `id` may come next, end tokens included where
  /// the text may end. Ids beyond the last word may not come. Never empty; nobody changes it.
  long[] allowed();

  /// The state after `token`, which was allowed. After an end token, only end tokens may come (it
  /// comes to that only where the request ignores them).
  TokenConstraint after(int token);

  /// Whether the text is over: nothing but end tokens could follow. The request is then finished,
  /// without waiting for one.
  default boolean isComplete() {
    return false;
  }
}
