package io.dejavu.engine;

import io.dejavu.kv.BlockHash;
import java.util.List;

/// What is to be done, as decided by {@link StepPlanner}. Commands are done in the order given: a
/// later one may use memory that an earlier one has freed.
public sealed interface StepCommand {
  /// Compute this, then report `StepDone` or `StepFailed`.
  record RunStep(StepPlan plan) implements StepCommand {}

  /// Copy these blocks of a sequence to host memory; others use them next. Report `SwapFailed` if
  /// that cannot be.
  ///
  /// @param blocks in the order of the sequence's tokens
  record SwapOut(long sequence, int[] blocks) implements StepCommand {}

  /// Copy a sequence from host memory to as many blocks as it had, and forget the copy. Report
  /// `SwappedIn`, or `SwapFailed`: the copy is forgotten then too.
  record SwapIn(long sequence, int[] blocks) implements StepCommand {}

  /// Forget the copy of a sequence in host memory.
  record DropSwapped(long sequence) implements StepCommand {}

  /// Copy a block to host memory, before any other command of the list: others use it next. Report
  /// `Lost` if that cannot be.
  ///
  /// @param slot of host memory
  record Spill(BlockHash content, int block, int slot) implements StepCommand {}

  /// Copy blocks, before any other command of the list, and write them to as many consecutive slots
  /// of the disk while steps go on. Report `Stored`.
  ///
  /// @param slot the first of them
  record Store(int slot, List<BlockHash> contents, int[] blocks) implements StepCommand {
    public Store {
      contents = List.copyOf(contents);
    }
  }

  /// Fill a sequence's blocks from the tiers, while steps go on. Report `Loaded`.
  ///
  /// @param sources in the order of the sequence's tokens
  /// @param blocks as many; nobody else uses them meanwhile
  /// @param seconds what takes longer is not worth waiting for
  record Load(long sequence, List<BlockSource> sources, int[] blocks, double seconds)
      implements StepCommand {
    public Load {
      sources = List.copyOf(sources);
    }
  }

  /// Nothing to do, only to know: this sequence lost its blocks, and is computed again later.
  record Recompute(long sequence) implements StepCommand {}

  /// Tell the sequence's client.
  record Emit(long sequence, GenerationEvent event) implements StepCommand {}
}
