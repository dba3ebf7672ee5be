package io.dejavu.engine;

import io.dejavu.kv.BlockHash;
import java.util.List;

/// What happened, as told to {@link StepPlanner}.
public sealed interface StepEvent {
  /// A request that {@link Admission} does not refuse has come in.
  ///
  /// @param sequence its number from now on, never used before
  record Submitted(long sequence, GenerationRequest request) implements StepEvent {}

  /// A sequence that somebody else began goes on here: its keys and values are in blocks already,
  /// put there by another process that is gone, or sent by one that lives. Nothing of them is
  /// computed again unless its blocks are not to be had; its client hears of it from the next token
  /// on.
  ///
  /// @param sequence its number from now on, never used before
  /// @param request that {@link Admission} does not refuse
  /// @param generated its tokens after the prompt so far
  /// @param computed so many of its tokens have their keys and values in `blocks`
  /// @param blocks in the order of its tokens: free, cached, or full and adopted by others too
  record Adopted(
      long sequence, GenerationRequest request, int[] generated, int computed, int[] blocks)
      implements StepEvent {}

  /// Nobody wants the rest of this sequence. It may have ended already.
  record Cancelled(long sequence) implements StepEvent {}

  /// The timeout of this sequence's request passed. It may have ended already.
  record Expired(long sequence) implements StepEvent {}

  /// A sequence is back from host memory.
  record SwappedIn(long sequence) implements StepEvent {}

  /// A sequence could not be copied, out or in; its copy, if there was one, is forgotten. It may
  /// have ended already.
  record SwapFailed(long sequence) implements StepEvent {}

  /// The disk has these from a process before, the longest unused first. Nothing is written to it
  /// before that is known.
  ///
  /// @param blocks of tier `DISK`
  record Found(List<BlockSource> blocks) implements StepEvent {
    public Found {
      blocks = List.copyOf(blocks);
    }
  }

  /// A `Store` is done.
  ///
  /// @param whole whether all of it is on disk; none of it is believed if not
  record Stored(int slot, List<BlockHash> contents, boolean whole) implements StepEvent {
    public Stored {
      contents = List.copyOf(contents);
    }
  }

  /// A `Load` is done, or was given up.
  ///
  /// @param blocks so many of the first are filled; the rest is computed
  record Loaded(long sequence, int blocks) implements StepEvent {}

  /// A tier does not have this, or it is damaged.
  record Lost(Tier tier, BlockHash content) implements StepEvent {}

  /// What preemption costs here, as measured now.
  record Measured(PreemptionCosts costs) implements StepEvent {}

  /// Steps are to have so many tokens at most, or as many as the configuration says if that is
  /// fewer, but always one for each sequence.
  record Budget(int stepTokens) implements StepEvent {}

  /// No step is under way, and all that has happened was told: what next?
  record Ready() implements StepEvent {}

  /// The step under way is done: its tokens count.
  ///
  /// @param results in the order of the chunks
  record StepDone(List<ChunkResult> results) implements StepEvent {
    public StepDone {
      results = List.copyOf(results);
    }
  }

  /// The step under way came to nothing.
  ///
  /// @param why for the clients and the log
  record StepFailed(String why) implements StepEvent {}
}
