package io.dejavu.local;

import io.dejavu.engine.GenerationRequest;
import io.dejavu.engine.StepPlan;

/// Follows where the keys and values of sequences are, step by step: for whoever copies them or
/// keeps a record of them.
///
/// Called by the step loop's thread between its steps, which waits: microseconds each. What it
/// throws ends the loop, and with it all that runs: what it is to follow cannot be trusted then.
public interface StepListener {
  /// Sees nothing.
  StepListener NONE = new StepListener() {};

  /// A sequence has come in; nothing of it is computed yet, or what is in its blocks already.
  ///
  /// @param sequence its number in all that follows
  default void sequenceBegins(long sequence, GenerationRequest request) {}

  /// A step was computed: the keys and values of its tokens are in the blocks of its chunks, and no
  /// client knows of its tokens yet. Of a sequence that ended with this step, the blocks are free
  /// and keep their bytes until the next step begins.
  ///
  /// @param plan with the blocks that its sequences have after the step
  default void stepDone(StepPlan plan) {}

  /// A sequence has lost its blocks, which are others' as soon as this returns. It may come back,
  /// with other blocks.
  default void sequencePreempted(long sequence) {}

  /// A sequence is over, whatever the reason; its client does not know yet.
  default void sequenceEnded(long sequence) {}
}
