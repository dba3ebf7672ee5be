package io.dejavu.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.dejavu.engine.GenerationEvent.Finished;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/// What happens when memory runs out.
class StepPlannerPreemptionTest extends PlannerFixture {
  @Test
  void whenMemoryRunsOutTheLastGivesItsOwnAndIsComputedAgain() {
    var planner = caching(0);
    expectShortAnswers(planner);
    submit(planner, 101, request(8, 24).withTenant("a"));
    submit(planner, 102, request(8, 24).withTenant("b"));

    var commands = runUntil(planner, StepCommand.Recompute.class);

    assertThat(commands.getFirst()).isEqualTo(new StepCommand.Recompute(102));
    assertThat(pool.ownedBy(102)).isEmpty();
    assertThat(planner.waiting()).isEqualTo(1);
    assertThat(planner.status().totals().recomputes()).isEqualTo(1);
    finish(planner, 101);
    assertThat(finish(planner, 102)).isEqualTo(24);
    assertThat(pool.inUse()).isZero();
  }

  @Test
  void itIsSwappedToTheHostIfThatIsCheaper() {
    var planner = caching(10);
    planner.on(new StepEvent.Measured(new PreemptionCosts(1e9, 1)));
    expectShortAnswers(planner);
    submit(planner, 101, request(8, 24).withTenant("a"));
    submit(planner, 102, request(8, 24).withTenant("b"));

    var out = (StepCommand.SwapOut) runUntil(planner, StepCommand.SwapOut.class).getFirst();
    assertThat(out.sequence()).isEqualTo(102);
    assertThat(planner.status().swapped()).isEqualTo(1);
    assertThat(pool.ownedBy(102)).isEmpty();
    var in = (StepCommand.SwapIn) runUntil(planner, StepCommand.SwapIn.class).getFirst();
    assertThat(in.sequence()).isEqualTo(102);
    assertThat(in.blocks()).hasSameSizeAs(out.blocks()).isEqualTo(pool.ownedBy(102));
    assertThat(planner.status().swapped()).isZero();
    planner.on(new StepEvent.SwappedIn(102));
    assertThat(finish(planner, 102)).isEqualTo(24);
    assertThat(planner.status().totals().swaps()).isEqualTo(1);
  }

  @Test
  void cancellingOnTheHostOrOnTheWayBackFreesEverything() {
    for (boolean returning : new boolean[] {false, true}) {
      var planner = caching(10);
      planner.on(new StepEvent.Measured(new PreemptionCosts(1e9, 1)));
      expectShortAnswers(planner);
      submit(planner, 101, request(8, 24).withTenant("a"));
      submit(planner, 102, request(8, 24).withTenant("b"));
      runUntil(planner, StepCommand.SwapOut.class);
      if (returning) {
        runUntil(planner, StepCommand.SwapIn.class);
        assertThat(planner.on(new StepEvent.Cancelled(102))).hasSize(1);
        assertThat(pool.ownedBy(102)).isNotEmpty(); // they are written to
        planner.on(new StepEvent.SwappedIn(102));
      } else {
        assertThat(planner.on(new StepEvent.Cancelled(102)))
            .first()
            .isEqualTo(new StepCommand.DropSwapped(102));
      }
      assertThat(pool.ownedBy(102)).isEmpty();
      planner.on(new StepEvent.Cancelled(101));
      assertThat(planner.status().swapped()).isZero();
      if (!returning) {
        drain(planner);
      }
      assertThat(pool.inUse()).isZero();
    }
  }

  @Test
  void aFailedSwapIsComputedAgain() {
    var planner = caching(10);
    planner.on(new StepEvent.Measured(new PreemptionCosts(1e9, 1)));
    expectShortAnswers(planner);
    submit(planner, 101, request(8, 24).withTenant("a"));
    submit(planner, 102, request(8, 24).withTenant("b"));
    runUntil(planner, StepCommand.SwapIn.class);

    assertThat(planner.on(new StepEvent.SwapFailed(102)))
        .containsExactly(new StepCommand.Recompute(102));
    assertThat(pool.ownedBy(102)).isEmpty();
    assertThat(finish(planner, 102)).isEqualTo(24);
  }

  /// Its full blocks go the way of all that is cached: to the host when the pool gives them up.
  @Test
  void withoutSwapSpaceItGoesOnWithWhatTheTiersHave() {
    var planner = tiered(new PreemptionCosts(1e9, 1));
    int computed = preempt(planner);

    var load = (StepCommand.Load) runUntil(planner, StepCommand.Load.class).getFirst();

    assertThat(load.sequence()).isEqualTo(102);
    assertThat(load.sources()).isNotEmpty().allMatch(source -> source.tier() == Tier.HOST);
    planner.on(new StepEvent.Loaded(102, load.blocks().length));
    assertThat(next(planner, 102).start()).isEqualTo(computed / BLOCK * BLOCK);
    assertThat(finish(planner, 102)).isEqualTo(24);
    assertThat(planner.status().totals().tiers().host().hits()).isEqualTo(load.blocks().length);
    assertThat(pool.inUse()).isZero();
    planner.check();
  }

  @Test
  void whatComesOnlyInPartIsComputedFromThere() {
    var planner = tiered(new PreemptionCosts(1e9, 1));
    int computed = preempt(planner);
    var load = (StepCommand.Load) runUntil(planner, StepCommand.Load.class).getFirst();

    planner.on(new StepEvent.Loaded(102, 0));

    int lost = load.blocks().length * BLOCK;
    assertThat(next(planner, 102).start()).isEqualTo(computed / BLOCK * BLOCK - lost);
    assertThat(finish(planner, 102)).isEqualTo(24);
  }

  @Test
  void whereLoadingIsSlowerItIsComputedAgain() {
    var planner = tiered(new PreemptionCosts(1, 1e9));
    preempt(planner);

    var commands = new ArrayList<StepCommand>();
    while (planner.running() + planner.waiting() > 0) {
      commands.addAll(turn(planner));
    }

    assertThat(commands).noneMatch(StepCommand.Load.class::isInstance);
    assertThat(planner.status().totals().tiers().declined()).isPositive();
  }

  private StepPlanner tiered(PreemptionCosts costs) {
    var planner =
        new StepPlanner(
            new EngineConfig(8, 3, 100, 0),
            new Admission(100, 32, 5),
            pool,
            SchedulingConfig.of(BLOCK).withSwap(0, 100).withTiers(new TierConfig(20, 0, 1, 1)));
    planner.on(new StepEvent.Measured(costs));
    expectShortAnswers(planner);
    return planner;
  }

  /// Two sequences of which the second loses its place.
  ///
  /// @return tokens of it that were computed
  private static int preempt(StepPlanner planner) {
    submit(planner, 101, request(8, 24).withTenant("a"));
    submit(planner, 102, request(8, 24).withTenant("b"));
    int computed = 0;
    for (int i = 0; i < 100; i++) {
      for (var command : turn(planner)) {
        if (command instanceof StepCommand.Recompute(var sequence)) {
          assertThat(sequence).isEqualTo(102);
          return computed;
        }
        if (command instanceof StepCommand.RunStep(var plan)) {
          computed =
              plan.chunks().stream()
                  .filter(c -> c.sequence() == 102)
                  .mapToInt(c -> c.start() + c.tokens().length)
                  .findAny()
                  .orElse(computed);
        }
      }
    }
    throw new AssertionError("nobody lost its place");
  }

  /// The next that is computed of a sequence.
  private static StepPlan.Chunk next(StepPlanner planner, long number) {
    for (var command : runUntil(planner, StepCommand.RunStep.class)) {
      for (var chunk : ((StepCommand.RunStep) command).plan().chunks()) {
        if (chunk.sequence() == number) {
          return chunk;
        }
      }
    }
    throw new AssertionError("sequence %d is not computed".formatted(number));
  }

  /// So that more are admitted than there is memory for.
  private static void expectShortAnswers(StepPlanner planner) {
    for (int i = 1; i <= OutputHistory.LEAST; i++) {
      submit(planner, i, request(1, 1));
    }
    drain(planner);
  }

  private static void drain(StepPlanner planner) {
    while (planner.running() + planner.waiting() > 0) {
      turn(planner);
    }
  }

  /// What the planner says before its next step, which is done then, and what follows.
  private static List<StepCommand> turn(StepPlanner planner) {
    var commands = new ArrayList<>(planner.on(new StepEvent.Ready()));
    if (!commands.isEmpty() && commands.getLast() instanceof StepCommand.RunStep(var plan)) {
      commands.addAll(
          planner.on(
              new StepEvent.StepDone(
                  plan.chunks().stream()
                      .map(chunk -> new ChunkResult(chunk.draw() == null ? -1 : 7, null, List.of()))
                      .toList())));
    }
    return commands;
  }

  private static List<StepCommand> runUntil(
      StepPlanner planner, Class<? extends StepCommand> wanted) {
    for (int i = 0; i < 100; i++) {
      var found = turn(planner).stream().filter(wanted::isInstance).toList();
      if (!found.isEmpty()) {
        return found;
      }
    }
    throw new AssertionError("no " + wanted);
  }

  /// Tokens that the sequence has in the end.
  private static int finish(StepPlanner planner, long number) {
    for (int i = 0; i < 200; i++) {
      for (var command : turn(planner)) {
        if (command instanceof StepCommand.Emit(var sequence, Finished finished)
            && sequence == number) {
          return finished.generatedTokens();
        }
      }
    }
    throw new AssertionError("sequence %d does not end".formatted(number));
  }
}
