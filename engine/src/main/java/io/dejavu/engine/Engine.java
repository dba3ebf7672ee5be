package io.dejavu.engine;

import java.util.function.Consumer;

/// Where sequences are generated: what the HTTP edge, the command line and embedding applications
/// see of everything behind. Thread-safe.
public interface Engine extends AutoCloseable {
  /// Most tokens of a sequence, prompt and generated.
  int maxContext();

  /// Hands a request over.
  ///
  /// @param listener called by the engine's thread, in order; it must neither block nor throw
  Outcome submit(GenerationRequest request, Consumer<GenerationEvent> listener);

  /// What became of a request that was handed over.
  sealed interface Outcome {
    /// It runs or waits; its listener will hear of it.
    record Accepted(Generation generation) implements Outcome {}

    /// It can never run here: too long, a token that the vocabulary lacks.
    record Refused(String why) implements Outcome {}

    /// The queue is full or the engine is stopping; worth another try later.
    record Busy(String why) implements Outcome {}
  }

  /// A request under way.
  interface Generation {
    /// Ends it: the listener gets `Finished` with `CANCELLED` unless it ended before. Frees all
    /// that the request holds. Harmless when repeated.
    void cancel();
  }

  /// A snapshot for `/health`, metrics and logs.
  Status status();

  /// @param healthy whether the step loop moves, or rests because nothing is to do
  /// @param problem one line if not healthy, empty otherwise
  /// @param running sequences in the current batch
  /// @param waiting sequences accepted and not yet admitted
  /// @param blocksInUse KV blocks that requests hold
  /// @param blocks KV blocks in all
  /// @param steps computed since the start
  record Status(
      boolean healthy,
      String problem,
      int running,
      int waiting,
      int blocksInUse,
      int blocks,
      long steps) {}

  /// Stops accepting, cancels what runs, frees everything.
  @Override
  void close();
}
