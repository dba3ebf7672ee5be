package io.dejavu.local;

import io.dejavu.engine.EngineConfig;
import io.dejavu.engine.SchedulingConfig;
import io.dejavu.engine.StepBudget;
import io.dejavu.engine.StepPlan;
import io.dejavu.kv.BlockPool;
import io.dejavu.kv.BlockTable;
import io.dejavu.kv.KvLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;

/// Measures what the planner wants to know of this machine. The step loop lets it work while
/// nothing else is to do, a step at a time; no token depends on what it finds.
final class PipelineProbe {
  private static final int FIRST_TOKENS = 16;
  private static final int ROUNDS = 2;

  /// No step is measured that may take longer: a request could come meanwhile.
  private static final double LONGEST_SECONDS = 0.5;

  private static final long SWAP_BYTES = 4 << 20;

  private final StepLoop.Computer computer;
  private final BlockPool pool;
  private final SchedulingConfig scheduling;
  private final int mostTokens;
  private final List<StepBudget.Measurement> measurements = new ArrayList<>();
  private int tokens = FIRST_TOKENS;
  private int round;
  private double best = Double.MAX_VALUE;
  private boolean done;

  PipelineProbe(
      StepLoop.Computer computer,
      BlockPool pool,
      SchedulingConfig scheduling,
      EngineConfig config) {
    this.computer = computer;
    this.pool = pool;
    this.scheduling = scheduling;
    this.mostTokens = config.stepTokens();
  }

  /// Copies some blocks to the host and back, if that may ever be wanted.
  void copy(Pace pace) {
    if (!scheduling.tiers().isOff() && pool.free() > 0) {
      try (var lease = pool.lend(1)) {
        computer.tiers().tryCopying(lease.blocks()[0], pace);
      }
    }
    int blocks =
        (int)
            Math.min(
                Math.max(1, SWAP_BYTES / scheduling.blockBytes()),
                Math.min(scheduling.swapBlocks(), pool.free()));
    if (blocks == 0) {
      return;
    }
    try (var lease = pool.lend(blocks)) {
      long begin = System.nanoTime();
      computer.swapOut(-1, lease.blocks());
      computer.swapIn(-1, lease.blocks());
      pace.copied(2L * blocks * scheduling.blockBytes(), System.nanoTime() - begin);
    }
  }

  /// Whether there is more to measure.
  boolean wantsSteps() {
    return !done;
  }

  /// Measures no more.
  void giveUp() {
    done = true;
  }

  /// Measures another step.
  ///
  /// @return how many tokens steps should have, once that is known
  OptionalInt measureStep() {
    int blocks = KvLayout.blocksFor(tokens, scheduling.blockTokens());
    if (tokens > mostTokens || blocks > pool.free()) {
      return knee();
    }
    double seconds = time(blocks);
    best = Math.min(best, seconds);
    if (++round < ROUNDS) {
      return OptionalInt.empty();
    }
    measurements.add(new StepBudget.Measurement(tokens, best));
    boolean slow = 2 * best > LONGEST_SECONDS;
    tokens *= 2;
    round = 0;
    best = Double.MAX_VALUE;
    return slow ? knee() : OptionalInt.empty();
  }

  private double time(int blocks) {
    try (var lease = pool.lend(blocks)) {
      var table = new BlockTable(scheduling.blockTokens(), lease.blocks());
      var chunk = new StepPlan.Chunk(-1, new int[tokens], 0, table, null, -1, new int[0], 0);
      long begin = System.nanoTime();
      computer.run(new StepPlan(0, List.of(chunk)));
      return Math.max(1, System.nanoTime() - begin) / 1e9;
    }
  }

  private OptionalInt knee() {
    done = true;
    return measurements.isEmpty()
        ? OptionalInt.empty()
        : OptionalInt.of(StepBudget.knee(measurements));
  }
}
