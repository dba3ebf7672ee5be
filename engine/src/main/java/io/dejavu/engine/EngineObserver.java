package io.dejavu.engine;

/// Is told what becomes of requests and steps, for metrics, traces and charts.
///
/// Called by the engine's thread, in the order in which things happen; must neither block nor
/// throw. Times are `System.nanoTime()` of this process: only their differences mean something, and
/// all of them may be subtracted from each other. A request's life is `queued`, `started`, any
/// number of `preempted` and `resumed`, and `ended`; one that is cancelled while it waits is never
/// `started`.
public interface EngineObserver {
  /// Sees nothing.
  EngineObserver NONE = new EngineObserver() {};

  /// A request was accepted.
  ///
  /// @param sequence its number, never used before
  /// @param at when it was submitted
  default void queued(long sequence, GenerationRequest request, long at) {}

  /// The request is in a step for the first time.
  ///
  /// @param cachedTokens of its prompt that need not be computed
  default void started(long sequence, GenerationRequest request, int cachedTokens, long at) {}

  /// It lost its place for want of memory.
  ///
  /// @param swapped whether its keys and values were copied to the host, not dropped
  default void preempted(long sequence, GenerationRequest request, boolean swapped, long at) {}

  /// It is computed again after it was preempted.
  default void resumed(long sequence, GenerationRequest request, long at) {}

  /// It got its next token.
  ///
  /// @param generated tokens so far, this one included; 1: the first
  default void token(long sequence, GenerationRequest request, int generated, long at) {}

  /// It is over.
  ///
  /// @param end `Finished` or `Failed`
  default void ended(long sequence, GenerationRequest request, GenerationEvent end, long at) {}

  /// A step was computed, or failed.
  ///
  /// @param failed whether it came to nothing
  default void step(StepPlan plan, boolean failed, long begin, long end) {}
}
