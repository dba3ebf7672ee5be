package io.dejavu.local;

import static org.assertj.core.api.Assertions.assertThat;

import io.dejavu.engine.EngineConfig;
import io.dejavu.engine.SchedulingConfig;
import io.dejavu.kv.BlockPool;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

class PipelineProbeTest {
  private final List<Integer> steps = new ArrayList<>();
  private final BlockPool pool = new BlockPool(20);
  private final PretendComputer computer =
      new PretendComputer(20, 8, plan -> steps.add(plan.tokens()));

  @Test
  void stepsAreMeasuredUpToWhatMayBePlanned() {
    var probe = probe(100, 5);
    var knee = OptionalInt.empty();
    while (probe.wantsSteps()) {
      assertThat(knee).isEmpty();
      knee = probe.measureStep();
      assertThat(pool.inUse()).isZero();
    }

    // A machine that is busy with something else may end it early.
    assertThat(List.of(16, 16, 32, 32, 64, 64)).startsWith(steps.toArray(Integer[]::new));
    assertThat(steps).contains(knee.orElseThrow());
  }

  @Test
  void stepsThatDoNotFitTheMemoryAreNotMeasured() {
    try (var lease = pool.lend(19)) {
      var probe = probe(100, 5);
      assertThat(probe.measureStep()).isEmpty();
      assertThat(probe.wantsSteps()).isFalse();
      assertThat(lease.blocks()).hasSize(19);
    }
    assertThat(steps).isEmpty();
  }

  @Test
  void copiesAreTimedIfTheyMayBeWanted() {
    var pace = new Pace();
    probe(100, 0).copy(pace);
    assertThat(pace.costs().swapBytesPerSecond()).isZero();

    probe(100, 5).copy(pace);

    assertThat(pace.costs().swapBytesPerSecond()).isPositive();
    assertThat(pool.inUse()).isZero();
  }

  private PipelineProbe probe(int stepTokens, int swapBlocks) {
    return new PipelineProbe(
        computer,
        pool,
        SchedulingConfig.of(8).withSwap(swapBlocks, 100),
        new EngineConfig(stepTokens, 4, 10, 0));
  }
}
