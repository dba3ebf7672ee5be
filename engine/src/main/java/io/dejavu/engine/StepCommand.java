package io.dejavu.engine;

/// What is to be done, as decided by {@link StepPlanner}.
public sealed interface StepCommand {
  /// Compute this, then report `StepDone` or `StepFailed`.
  record RunStep(StepPlan plan) implements StepCommand {}

  /// Tell the sequence's client.
  record Emit(long sequence, GenerationEvent event) implements StepCommand {}
}
