package io.dejavu.local;

import io.dejavu.engine.ChunkResult;
import io.dejavu.engine.StepPlan;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.function.ToLongFunction;

/// Computes what a pipeline computes, but steps with prompts take so long that whatever spares them
/// is quicker, on every machine.
///
/// @param delay nanoseconds that such a step takes longer
record SlowPrompts(LocalPipeline pipeline, ToLongFunction<StepPlan> delay)
    implements StepLoop.Computer {
  @Override
  public List<ChunkResult> run(StepPlan plan) {
    if (plan.tokens() > plan.chunks().size()) {
      LockSupport.parkNanos(delay.applyAsLong(plan));
    }
    return pipeline.run(plan);
  }

  @Override
  public void swapOut(long sequence, int[] blocks) {
    pipeline.swapOut(sequence, blocks);
  }

  @Override
  public void swapIn(long sequence, int[] blocks) {
    pipeline.swapIn(sequence, blocks);
  }

  @Override
  public void dropSwapped(long sequence) {
    pipeline.dropSwapped(sequence);
  }

  @Override
  public CacheStore tiers() {
    return pipeline.tiers();
  }

  @Override
  public void close() {
    pipeline.close();
  }
}
