package io.dejavu.bench;

import io.dejavu.engine.Admission;
import io.dejavu.engine.ChunkResult;
import io.dejavu.engine.EngineConfig;
import io.dejavu.engine.GenerationEvent;
import io.dejavu.engine.GenerationRequest;
import io.dejavu.engine.SchedulingConfig;
import io.dejavu.engine.StepCommand;
import io.dejavu.engine.StepEvent;
import io.dejavu.engine.StepPlan;
import io.dejavu.engine.StepPlanner;
import io.dejavu.kv.BlockPool;
import io.dejavu.tensor.Sampling;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/// What it costs to decide a step and to take its results, while a full batch is being generated:
/// the time in which the device has nothing to do.
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@SuppressWarnings("NullAway.Init") // JMH calls the method marked Setup first
public class StepPlannerBenchmark {
  private static final int CONTEXT = 2048;
  private static final int BLOCK_TOKENS = 16;

  /// Sequences in the batch.
  @Param({"1", "64", "256"})
  public int running = 64;

  private StepPlanner planner;
  private SplittableRandom random;
  private List<ChunkResult> results;
  private long submitted;

  /// Fills the batch; sequences end at different times and are replaced at once.
  @Setup
  public void fill() {
    random = new SplittableRandom(1);
    planner =
        new StepPlanner(
            new EngineConfig(512, running, running, 0),
            new Admission(50_000, CONTEXT, 0),
            new BlockPool(running * CONTEXT / BLOCK_TOKENS),
            SchedulingConfig.of(BLOCK_TOKENS));
    for (int i = 0; i < running; i++) {
      submit();
    }
    for (int i = 0; i < 1000; i++) {
      step();
    }
  }

  private void submit() {
    var request =
        GenerationRequest.of(
                "r", new int[1 + random.nextInt(200)], Sampling.GREEDY, 0, 1 + random.nextInt(1500))
            .withStopTokens(Set.of(2));
    planner.on(new StepEvent.Submitted(submitted++, request));
  }

  /// One step: what is computed, then what its clients learn.
  @Benchmark
  public StepPlan step() {
    var plan = ((StepCommand.RunStep) planner.on(new StepEvent.Ready()).getFirst()).plan();
    int chunks = plan.chunks().size();
    if (results == null || results.size() != chunks) {
      results = Collections.nCopies(chunks, new ChunkResult(7, null, List.of()));
    }
    for (var command : planner.on(new StepEvent.StepDone(results))) {
      if (command instanceof StepCommand.Emit(_, GenerationEvent.Finished _)) {
        submit();
      }
    }
    return plan;
  }
}
