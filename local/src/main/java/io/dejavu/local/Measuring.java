package io.dejavu.local;

import io.dejavu.engine.EngineConfig;
import io.dejavu.engine.SchedulingConfig;
import io.dejavu.engine.StepEvent;
import io.dejavu.engine.StepPlan;
import io.dejavu.engine.StepPlanner;
import io.dejavu.kv.BlockPool;
import java.lang.System.Logger.Level;

/// Keeps a planner informed of how fast its pipeline is: what a {@link PipelineProbe} measures
/// while nothing else is to do, and what is seen of real steps and copies. For the step loop's
/// thread.
final class Measuring {
  private static final System.Logger LOG = System.getLogger(Measuring.class.getName());

  private final StepPlanner planner;
  private final PipelineProbe probe;
  private final long blockBytes;
  private final boolean measuresSteps;
  private final Pace pace = new Pace();

  Measuring(
      StepPlanner planner,
      StepLoop.Computer computer,
      BlockPool pool,
      SchedulingConfig scheduling,
      EngineConfig engineConfig,
      StepLoopConfig config) {
    this.planner = planner;
    this.probe = new PipelineProbe(computer, pool, scheduling, engineConfig);
    this.blockBytes = scheduling.blockBytes();
    this.measuresSteps = config.measuresSteps();
  }

  /// As seen so far; who adds to it calls {@link #tell}.
  Pace pace() {
    return pace;
  }

  /// Tells the planner the pace as it is now.
  void tell() {
    planner.on(new StepEvent.Measured(pace.costs()));
  }

  /// Copies something to and fro, if that may ever be wanted.
  void tryCopies() {
    try {
      probe.copy(pace);
      tell();
    } catch (RuntimeException | Error e) {
      LOG.log(Level.WARNING, "no sequence is swapped to host memory: a copy failed", e);
    }
  }

  boolean wantsStep() {
    // After the first steps: what was never compiled is slow.
    return measuresSteps && probe.wantsSteps() && planner.steps() > 0;
  }

  /// Computes a step that serves nobody; if it fails, it is the last.
  void tryStep() {
    try {
      probe
          .measureStep()
          .ifPresent(
              tokens -> {
                LOG.log(Level.DEBUG, "steps of at most {0} tokens", tokens);
                planner.on(new StepEvent.Budget(tokens));
              });
    } catch (RuntimeException | Error e) {
      probe.giveUp();
      throw e;
    }
  }

  /// Blocks were copied to the host or back.
  ///
  /// @param begin by `System.nanoTime`
  void copied(int blocks, long begin) {
    pace.copied(blocks * blockBytes, System.nanoTime() - begin);
    tell();
  }

  /// A step was computed.
  ///
  /// @param begin by `System.nanoTime`
  void computed(StepPlan plan, long begin) {
    pace.computed(plan, System.nanoTime() - begin);
    tell();
  }
}
