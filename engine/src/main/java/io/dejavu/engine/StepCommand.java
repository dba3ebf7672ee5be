package io.dejavu.engine;

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

  /// Nothing to do, only to know: this sequence lost its blocks, and is computed again later.
  record Recompute(long sequence) implements StepCommand {}

  /// Tell the sequence's client.
  record Emit(long sequence, GenerationEvent event) implements StepCommand {}
}
