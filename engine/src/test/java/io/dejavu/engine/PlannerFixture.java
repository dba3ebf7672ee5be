package io.dejavu.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.dejavu.kv.BlockPool;
import io.dejavu.tensor.Sampling;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;

/// A planner with three places, steps of eight tokens and ten blocks of four, and words for what
/// happens to it.
abstract class PlannerFixture {
  static final int BLOCK = 4;

  final BlockPool pool = new BlockPool(10);
  final StepPlanner planner = planner(new EngineConfig(8, 3, 100, 0));

  StepPlanner caching(int swapBlocks) {
    return new StepPlanner(
        new EngineConfig(8, 3, 100, 0),
        new Admission(100, 32, 5),
        pool,
        SchedulingConfig.of(BLOCK).withSwap(swapBlocks, 100));
  }

  StepPlanner planner(EngineConfig config) {
    return new StepPlanner(
        config, new Admission(100, 32, 5), pool, SchedulingConfig.of(BLOCK).withPrefixCache(false));
  }

  void submit(long number, GenerationRequest request) {
    submit(planner, number, request);
  }

  static void submit(StepPlanner planner, long number, GenerationRequest request) {
    assertThat(planner.on(new StepEvent.Submitted(number, request))).isEmpty();
  }

  List<StepCommand> cancel(long number) {
    return planner.on(new StepEvent.Cancelled(number));
  }

  StepPlan step() {
    return step(planner);
  }

  static StepPlan step(StepPlanner planner) {
    var commands = planner.on(new StepEvent.Ready());
    assertThat(commands).hasSize(1);
    return ((StepCommand.RunStep) commands.getFirst()).plan();
  }

  List<StepCommand> done(int... tokens) {
    return done(planner, tokens);
  }

  static List<StepCommand> done(StepPlanner planner, int... tokens) {
    return done(
        planner,
        Arrays.stream(tokens)
            .mapToObj(token -> new ChunkResult(token, null, List.of()))
            .toArray(ChunkResult[]::new));
  }

  List<StepCommand> done(ChunkResult... results) {
    return done(planner, results);
  }

  static List<StepCommand> done(StepPlanner planner, ChunkResult... results) {
    return planner.on(new StepEvent.StepDone(List.of(results)));
  }

  void assertNothingIsLeft() {
    assertThat(pool.inUse()).isZero();
    assertThat(planner.running()).isZero();
    assertThat(planner.on(new StepEvent.Ready())).isEmpty();
    pool.check();
  }

  static List<String> shape(StepPlan plan) {
    var shape = new ArrayList<String>();
    for (var chunk : plan.chunks()) {
      var draw = chunk.draw();
      shape.add(
          "%d: %d from %d%s"
              .formatted(
                  chunk.sequence(),
                  chunk.tokens().length,
                  chunk.start(),
                  draw == null ? "" : ", draws " + draw.position()));
    }
    return shape;
  }

  static StepCommand emit(long sequence, GenerationEvent event) {
    return new StepCommand.Emit(sequence, event);
  }

  static TokenLogprobs logprob(int i) {
    return new TokenLogprobs(-i, 1, new int[0], new float[0]);
  }

  static GenerationRequest request(int prompt, int maxTokens) {
    return request(prompt, maxTokens, 0, Set.of());
  }

  static GenerationRequest request(int prompt, int maxTokens, int minTokens, Set<Integer> stops) {
    return GenerationRequest.of("r", ids(prompt), Sampling.GREEDY, 0, maxTokens)
        .withMinTokens(minTokens)
        .withStopTokens(stops);
  }

  static int[] ids(int count) {
    return IntStream.range(0, count).toArray();
  }
}
