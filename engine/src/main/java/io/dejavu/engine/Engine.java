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
  /// @param running sequences that are being computed
  /// @param waiting sequences accepted and not yet running
  /// @param swapped sequences that were preempted and whose keys and values are in host memory
  /// @param blocksInUse KV blocks that requests hold
  /// @param blocksCached KV blocks that no request holds, kept for prompts that begin alike
  /// @param blocks KV blocks in all
  /// @param blocksLeaked KV blocks that nobody alive holds and that are not free: 0, or a bug
  /// @param batch sequences in the last step
  /// @param totals since the start
  record Status(
      boolean healthy,
      String problem,
      int running,
      int waiting,
      int swapped,
      int blocksInUse,
      int blocksCached,
      int blocks,
      int blocksLeaked,
      int batch,
      Totals totals) {
    /// Steps computed since the start.
    public long steps() {
      return totals.steps;
    }

    /// The same with another number of requests that wait.
    public Status withWaiting(int waiting) {
      return new Status(
          healthy,
          problem,
          running,
          waiting,
          swapped,
          blocksInUse,
          blocksCached,
          blocks,
          blocksLeaked,
          batch,
          totals);
    }

    /// The same in trouble; healthy if `problem` is empty.
    public Status withProblem(String problem) {
      return new Status(
          problem.isEmpty(),
          problem,
          running,
          waiting,
          swapped,
          blocksInUse,
          blocksCached,
          blocks,
          blocksLeaked,
          batch,
          totals);
    }
  }

  /// What was counted since the start; never falls.
  ///
  /// @param steps planned
  /// @param promptTokens of prompts computed, those found in the cache not included
  /// @param generatedTokens drawn
  /// @param prefixQueries prompt tokens looked up in the prefix cache
  /// @param prefixHits those of them that were found
  /// @param swaps preemptions whose keys and values were copied to host memory
  /// @param recomputes preemptions whose keys and values were dropped, to be computed again
  /// @param tiers what went through host memory and disk behind the prefix cache
  record Totals(
      long steps,
      long promptTokens,
      long generatedTokens,
      long prefixQueries,
      long prefixHits,
      long swaps,
      long recomputes,
      Tiers tiers) {
    public static final Totals ZERO = new Totals(0, 0, 0, 0, 0, 0, 0);

    public Totals(
        long steps,
        long promptTokens,
        long generatedTokens,
        long prefixQueries,
        long prefixHits,
        long swaps,
        long recomputes) {
      this(
          steps,
          promptTokens,
          generatedTokens,
          prefixQueries,
          prefixHits,
          swaps,
          recomputes,
          Tiers.ZERO);
    }
  }

  /// Host memory and disk behind the prefix cache.
  ///
  /// @param misses blocks of prompts that no tier had
  /// @param declined blocks that one had, and that were quicker to compute
  record Tiers(TierCounts host, TierCounts disk, long misses, long declined) {
    public static final Tiers ZERO = new Tiers(TierCounts.ZERO, TierCounts.ZERO, 0, 0);
  }

  /// One of them.
  ///
  /// @param blocks that it holds now
  /// @param hits blocks that were not computed because they came from it
  /// @param loadedBytes that came from it
  /// @param storedBytes that went to it
  /// @param failures blocks that could not be written in time or at all, or that were not what they
  ///   should be
  record TierCounts(long blocks, long hits, long loadedBytes, long storedBytes, long failures) {
    public static final TierCounts ZERO = new TierCounts(0, 0, 0, 0, 0);
  }

  /// Stops accepting, cancels what runs, frees everything.
  @Override
  void close();
}
