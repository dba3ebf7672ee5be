package io.dejavu.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.dejavu.engine.GenerationEvent.Failed;
import io.dejavu.engine.GenerationEvent.Finished;
import io.dejavu.engine.GenerationEvent.Prompt;
import io.dejavu.engine.GenerationEvent.Token;
import io.dejavu.kv.BlockPool;
import io.dejavu.tensor.Sampling;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class StepPlannerTest {
  private static final int BLOCK = 4;

  private final BlockPool pool = new BlockPool(10);
  private final StepPlanner planner = planner(new EngineConfig(8, 3, 100, 0));

  @Test
  void aPromptIsCutIntoChunksThatFillTheBudget() {
    submit(1, request(20, 1));

    assertThat(shape(step())).containsExactly("1: 8 from 0");
    done(-1);
    assertThat(shape(step())).containsExactly("1: 8 from 8");
    done(-1);
    assertThat(shape(step())).containsExactly("1: 4 from 16, draws 20");
  }

  @Test
  void decodeRowsComeFirstAndPromptsFillTheRestInOrderOfArrival() {
    submit(1, request(3, 5));
    step();
    done(70);
    submit(2, request(9, 5));
    submit(3, request(2, 5));

    assertThat(shape(step())).containsExactly("1: 1 from 3, draws 4", "2: 7 from 0");
    done(71, -1);
    assertThat(shape(step()))
        .containsExactly("1: 1 from 4, draws 5", "2: 2 from 7, draws 9", "3: 2 from 0, draws 2");
  }

  @Test
  void aStepNamesTokensAndBlocksOfItsSequences() {
    submit(1, request(6, 2));

    var chunk = step().chunks().getFirst();

    assertThat(chunk.tokens()).containsExactly(0, 1, 2, 3, 4, 5);
    assertThat(chunk.blocks().blockTokens()).isEqualTo(BLOCK);
    assertThat(chunk.blocks().blocks()).containsExactly(pool.ownedBy(1));
    done(42);
    assertThat(step().chunks().getFirst().tokens()).containsExactly(42);
  }

  @Test
  void aTokenCountsWhenItsStepIsDoneAndTheLastOneIsNotComputed() {
    submit(1, request(4, 2));
    step();
    assertThat(done(50)).containsExactly(emit(1, new Token(4, 50, null)));
    step();
    assertThat(done(51))
        .containsExactly(
            emit(1, new Token(5, 51, null)), emit(1, new Finished(FinishReason.LENGTH, 4, 2, 0)));

    assertNothingIsLeft();
  }

  @Test
  void aStopTokenIsReportedAndEndsTheSequence() {
    submit(1, request(4, 9, 0, Set.of(60, 61)));
    step();

    assertThat(done(61))
        .containsExactly(
            emit(1, new Token(4, 61, null)), emit(1, new Finished(FinishReason.STOP, 4, 1, 0)));
    assertNothingIsLeft();
  }

  @Test
  void stopTokensAreBannedBeforeMinTokens() {
    submit(1, request(4, 9, 1, Set.of(61, 60, 5000)));

    assertThat(step().chunks().getFirst().draw().banned()).containsExactly(60, 61);
    done(50);
    assertThat(step().chunks().getFirst().draw().banned()).isEmpty();
  }

  @Test
  void aConstraintLimitsEachDrawAndMovesOnWithItsToken() {
    submit(1, request(4, 9).withConstraint(new Countdown(70, 68)));

    assertThat(allowed(step())).containsExactly(70);
    done(70);
    assertThat(allowed(step())).containsExactly(69);
  }

  @Test
  void aSequenceWithoutConstraintMayDrawAnything() {
    submit(1, request(4, 9));

    assertThat(step().chunks().getFirst().draw().allowed()).isNull();
  }

  @Test
  void aStopTokenEndsAConstrainedSequence() {
    submit(1, request(4, 9, 0, Set.of(69)).withConstraint(new Countdown(70, 68)));
    step();
    done(70);
    step();

    assertThat(done(69)).contains(emit(1, new Finished(FinishReason.STOP, 4, 2, 0)));
    assertNothingIsLeft();
  }

  @Test
  void aConstraintWhoseTextIsOverEndsItsSequence() {
    submit(1, request(4, 9).withConstraint(new Once(70)));
    assertThat(allowed(step())).containsExactly(70);

    assertThat(done(70)).contains(emit(1, new Finished(FinishReason.STOP, 4, 1, 0)));
    assertNothingIsLeft();
  }

  /// Allows `token` and is over after it.
  private record Once(int token, boolean isComplete) implements TokenConstraint {
    Once(int token) {
      this(token, false);
    }

    @Override
    public long[] allowed() {
      return new Countdown(token, 0).allowed();
    }

    @Override
    public TokenConstraint after(int next) {
      return new Once(99, true);
    }
  }

  @Test
  void aConstraintThatThrowsFailsItsSequence() {
    submit(1, request(4, 9).withConstraint(new Countdown(70, 68)));
    submit(2, request(4, 9));
    step();

    // 71 was not allowed; a model that draws it has a bug, and so has the constraint that throws.
    assertThat(done(71, 50)).hasSize(3).last().isEqualTo(emit(2, new Token(4, 50, null)));
    assertThat(planner.running()).isEqualTo(1);
  }

  @Test
  void aConstraintThatLeavesNothingButStopTokensWinsOverMinTokens() {
    submit(1, request(4, 9, 5, Set.of(69)).withConstraint(new Countdown(70, 68)));

    assertThat(step().chunks().getFirst().draw().banned()).containsExactly(69);
    done(70);
    assertThat(step().chunks().getFirst().draw().banned()).isEmpty();
    assertThat(done(69)).contains(emit(1, new Finished(FinishReason.STOP, 4, 2, 0)));
  }

  @Test
  void stopTokensThatAreTheWholeVocabularyAreNotBanned() {
    var all = IntStream.range(0, 100).boxed().collect(Collectors.toSet());
    submit(1, request(4, 9, 5, all));

    assertThat(step().chunks().getFirst().draw().banned()).isEmpty();
  }

  @Test
  void aConstraintThatAllowsNothingFailsItsSequence() {
    submit(1, request(4, 9).withConstraint(new Countdown(70, 69)));
    step();
    done(70);
    step();

    assertThat(done(69))
        .containsExactly(
            emit(1, new Token(5, 69, null)),
            emit(1, new Failed("the constraint allows no token after 6 tokens")));
    assertNothingIsLeft();
    // Bits beyond the vocabulary of 100 are no tokens.
    assertThat(
            planner.on(
                new StepEvent.Submitted(2, request(4, 9).withConstraint(new Countdown(100, 0)))))
        .containsExactly(emit(2, new Failed("the constraint allows no token after 4 tokens")));
    assertNothingIsLeft();
  }

  @Test
  void aConstraintThatIsCompleteEndsItsSequenceWithoutAnEndToken() {
    submit(1, request(4, 9).withConstraint(new OneToken(70, false)));
    step();

    assertThat(done(70))
        .containsExactly(
            emit(1, new Token(4, 70, null)), emit(1, new Finished(FinishReason.STOP, 4, 1, 0)));
    assertNothingIsLeft();
  }

  /// Allows `id` and is complete then.
  private record OneToken(int id, boolean isComplete) implements TokenConstraint {
    @Override
    public long[] allowed() {
      return new long[] {0, isComplete ? 0 : 1L << id};
    }

    @Override
    public TokenConstraint after(int token) {
      return new OneToken(id, true);
    }
  }

  /// Allows `next` only, then one less, down to `last`.
  private record Countdown(int next, int last) implements TokenConstraint {
    @Override
    public long[] allowed() {
      var set = new long[2];
      if (next >= last) {
        set[next / 64] |= 1L << next;
      }
      return set;
    }

    @Override
    public TokenConstraint after(int token) {
      if (token != next) {
        throw new IllegalStateException(token + " is not " + next);
      }
      return new Countdown(next - 1, last);
    }
  }

  private static int[] allowed(StepPlan plan) {
    return BitSet.valueOf(plan.chunks().getFirst().draw().allowed()).stream().toArray();
  }

  @Test
  void anExpiredRequestEndsAsACancelledOne() {
    submit(1, request(4, 9));
    submit(2, request(4, 9));
    step();
    done(50, 51);

    assertThat(planner.on(new StepEvent.Expired(1)))
        .containsExactly(emit(1, new Finished(FinishReason.DEADLINE, 4, 1, 0)));
    assertThat(planner.on(new StepEvent.Expired(1))).isEmpty();
    cancel(2);
    assertNothingIsLeft();
  }

  @Test
  void aFullContextEndsTheSequence() {
    submit(1, request(31, 100));
    for (int chunk = 0; chunk < 3; chunk++) {
      step();
      done(-1);
    }
    step();

    assertThat(done(7))
        .containsExactly(
            emit(1, new Token(31, 7, null)), emit(1, new Finished(FinishReason.LENGTH, 31, 1, 0)));
    assertNothingIsLeft();
  }

  @Test
  void promptLogprobsArriveOnceBeforeTheFirstToken() {
    submit(1, GenerationRequest.of("r", ids(10), Sampling.GREEDY, 0, 1).withPromptLogprobs(2));

    var first = step().chunks().getFirst();
    assertThat(first.targets()).containsExactly(1, 2, 3, 4, 5, 6, 7, 8);
    assertThat(first.targetLogprobs()).isEqualTo(2);
    var ranked = IntStream.range(1, 10).mapToObj(StepPlannerTest::logprob).toList();
    assertThat(done(new ChunkResult(-1, null, ranked.subList(0, 8)))).isEmpty();
    assertThat(step().chunks().getFirst().targets()).containsExactly(9, -1);
    assertThat(done(new ChunkResult(3, null, ranked.subList(8, 9))))
        .containsExactly(
            emit(1, new Prompt(ranked)),
            emit(1, new Token(10, 3, null)),
            emit(1, new Finished(FinishReason.LENGTH, 10, 1, 0)));
  }

  @Test
  void zeroTokensComputesThePromptOnly() {
    submit(1, GenerationRequest.of("r", ids(1), Sampling.GREEDY, 0, 0).withPromptLogprobs(0));

    assertThat(shape(step())).containsExactly("1: 1 from 0");
    assertThat(done(-1))
        .containsExactly(
            emit(1, new Prompt(List.of())), emit(1, new Finished(FinishReason.LENGTH, 1, 0, 0)));
    assertNothingIsLeft();
  }

  @Test
  void penaltiesSeeTheSequenceSoFar() {
    var sampling = new Sampling(1, 0, 1, 0, 1.5f, 0, 0, Map.of());
    submit(1, GenerationRequest.of("r", ids(3), sampling, 77, 9));
    step();
    done(9);

    var draw = step().chunks().getFirst().draw();

    assertThat(draw.tokens()).containsExactly(0, 1, 2, 9);
    assertThat(draw.promptTokens()).isEqualTo(3);
    assertThat(draw.position()).isEqualTo(4);
    assertThat(draw.seed()).isEqualTo(77);
  }

  @Test
  void aRequestWaitsUntilAllBlocksThatItMayNeedAreFree() {
    submit(1, request(4, 20)); // 6 blocks
    submit(2, request(4, 17)); // 5 blocks
    submit(3, request(1, 1)); // 1 block, must not overtake

    assertThat(shape(step())).containsExactly("1: 4 from 0, draws 4");
    assertThat(planner.waiting()).isEqualTo(2);
    done(1);
    cancel(1);

    assertThat(shape(step())).containsExactly("2: 4 from 0, draws 4", "3: 1 from 0, draws 1");
  }

  @Test
  void noMoreRunThanThereArePlaces() {
    for (int i = 1; i <= 5; i++) {
      submit(i, request(2, 1));
    }

    assertThat(shape(step())).hasSize(3);
    assertThat(planner.running()).isEqualTo(3);
    done(1, 1, 1);
    assertThat(shape(step())).hasSize(2);
  }

  @Test
  void cancellingFreesEverythingAtOnce() {
    submit(1, request(4, 9));
    submit(2, request(4, 9));
    step();
    done(5, 6);

    assertThat(cancel(1)).containsExactly(emit(1, new Finished(FinishReason.CANCELLED, 4, 1, 0)));
    assertThat(pool.ownedBy(1)).isEmpty();
    assertThat(cancel(1)).isEmpty();
    assertThat(shape(step())).containsExactly("2: 1 from 4, draws 5");
  }

  @Test
  void cancellingDuringAStepKeepsTheBlocksUntilItIsDone() {
    submit(1, request(4, 9));
    step();

    assertThat(cancel(1)).containsExactly(emit(1, new Finished(FinishReason.CANCELLED, 4, 0, 0)));
    assertThat(pool.ownedBy(1)).isNotEmpty();
    assertThat(planner.blocksLeaked()).isZero();
    assertThat(done(5)).isEmpty();
    assertNothingIsLeft();
  }

  @Test
  void cancellingInTheQueueTakesItOut() {
    submit(1, request(4, 9));

    cancel(1);

    assertThat(planner.waiting()).isZero();
    assertThat(planner.on(new StepEvent.Ready())).isEmpty();
  }

  @Test
  void nanFailsItsSequenceAndNoOther() {
    submit(1, request(4, 9));
    submit(2, request(4, 9));
    step();

    assertThat(done(-1, 6))
        .containsExactly(
            emit(1, new Failed("the model computed NaN after 4 tokens of the sequence")),
            emit(2, new Token(4, 6, null)));
    assertThat(pool.ownedBy(1)).isEmpty();
    assertThat(planner.running()).isEqualTo(1);
  }

  @Test
  void afterAFailedStepItsSequencesRunOneAtATimeAndTheGuiltyOneFails() {
    submit(1, request(4, 9));
    submit(2, request(4, 9));
    submit(3, request(4, 9));
    step();

    assertThat(failed("out of memory")).isEmpty();
    assertThat(shape(step())).containsExactly("1: 4 from 0, draws 4");
    assertThat(failed("still")).containsExactly(emit(1, new Failed("still")));
    assertThat(pool.ownedBy(1)).isEmpty();
    assertThat(shape(step())).containsExactly("2: 4 from 0, draws 4");
    done(50);
    assertThat(shape(step())).containsExactly("2: 1 from 4, draws 5", "3: 4 from 0, draws 4");
  }

  private List<StepCommand> failed(String why) {
    return planner.on(new StepEvent.StepFailed(why));
  }

  @Test
  void aPromptThatBeginsAsAnotherOneSharesItsFullBlocks() {
    var planner = caching(0);
    submit(planner, 1, request(10, 2));
    step(planner);
    done(planner, -1);
    step(planner);
    done(planner, 50);
    submit(planner, 2, request(10, 1));

    var chunk = step(planner).chunks().get(1);

    assertThat(chunk.start()).isEqualTo(8);
    assertThat(chunk.tokens()).containsExactly(8, 9);
    assertThat(Arrays.copyOf(chunk.blocks().blocks(), 2))
        .containsExactly(Arrays.copyOf(pool.ownedBy(1), 2));
    assertThat(done(planner, 51, 52))
        .contains(emit(2, new Finished(FinishReason.LENGTH, 10, 1, 8)));
    assertThat(planner.status().totals().prefixQueries()).isEqualTo(20);
    assertThat(planner.status().totals().prefixHits()).isEqualTo(8);
    assertThat(pool.inUse()).isZero();
    assertThat(planner.status().blocksCached()).isEqualTo(2);
  }

  @Test
  void atLeastOneTokenOfAPromptIsComputed() {
    var planner = caching(0);
    submit(planner, 1, request(8, 1));
    step(planner);
    done(planner, 50);
    submit(planner, 2, request(8, 1));

    assertThat(shape(step(planner))).containsExactly("2: 4 from 4, draws 8");
  }

  @Test
  void whoWantsLogprobsOfItsPromptComputesAllOfIt() {
    var planner = caching(0);
    submit(planner, 1, request(8, 1));
    step(planner);
    done(planner, 50);
    submit(planner, 2, request(8, 1).withPromptLogprobs(0));

    assertThat(shape(step(planner))).containsExactly("2: 8 from 0, draws 8");
  }

  @Test
  void tenantsShareNothing() {
    var planner = caching(0);
    submit(planner, 1, request(10, 1).withTenant("a"));
    step(planner);
    done(planner, -1);
    step(planner);
    done(planner, 50);
    submit(planner, 2, request(10, 1).withTenant("b"));

    assertThat(shape(step(planner))).containsExactly("2: 8 from 0");
  }

  @Test
  void equalPromptsAtTheSameTimeAreComputedOnce() {
    var planner = caching(0);
    submit(planner, 1, request(10, 1));
    submit(planner, 2, request(10, 1));
    submit(planner, 3, request(2, 1)); // wants nothing that is being computed

    assertThat(shape(step(planner))).containsExactly("1: 8 from 0");
    done(planner, -1);
    assertThat(shape(step(planner)))
        .containsExactly("1: 2 from 8, draws 10", "2: 2 from 8, draws 10", "3: 2 from 0, draws 2");
  }

  @Test
  void whoWaitsForAnotherOnesPromptDoesNotWaitLongerThanThatLives() {
    var planner = caching(0);
    submit(planner, 1, request(20, 1));
    submit(planner, 2, request(20, 1));
    step(planner);
    planner.on(new StepEvent.Cancelled(1));
    done(planner, -1);

    assertThat(shape(step(planner))).containsExactly("2: 8 from 0");
  }

  @Test
  void whatGaveNanIsNotKept() {
    var planner = caching(0);
    submit(planner, 1, request(8, 1));
    step(planner);
    done(planner, -1);
    submit(planner, 2, request(8, 1));

    assertThat(shape(step(planner))).containsExactly("2: 8 from 0, draws 8");
  }

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

  @Test
  void theBudgetIsAtLeastOneTokenPerSequenceAndAtMostWhatTheDoerCanTake() {
    submit(1, request(30, 1));
    planner.on(new StepEvent.Budget(5));
    assertThat(shape(step())).containsExactly("1: 5 from 0");
    done(-1);
    planner.on(new StepEvent.Budget(1));
    assertThat(shape(step())).containsExactly("1: 3 from 5");
    done(-1);
    planner.on(new StepEvent.Budget(1000));
    assertThat(shape(step())).containsExactly("1: 8 from 8");
  }

  private StepPlanner caching(int swapBlocks) {
    return new StepPlanner(
        new EngineConfig(8, 3, 100, 0),
        new Admission(100, 32, 5),
        pool,
        SchedulingConfig.of(BLOCK).withSwap(swapBlocks, 100));
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

  @Test
  void eventsThatCannotBeAreRefused() {
    assertThatThrownBy(() -> planner.on(new StepEvent.StepFailed("")))
        .hasMessage("no step is under way, 0 were");
    assertThatThrownBy(() -> submit(1, request(33, 1)))
        .hasMessageContaining("the prompt has 33 tokens");
    submit(1, request(4, 9));
    assertThatThrownBy(() -> submit(1, request(4, 9)))
        .hasMessage("sequence 1 was submitted before");
    step();
    assertThatThrownBy(() -> planner.on(new StepEvent.Ready()))
        .hasMessage("step 1 is still under way");
    assertThatThrownBy(() -> done(1, 2)).hasMessage("step 1 has 1 chunks and 2 results");
  }

  @Test
  void tooSmallAPoolIsRefused() {
    assertThatThrownBy(
            () ->
                new StepPlanner(
                    EngineConfig.DEFAULT,
                    new Admission(100, 41, 5),
                    new BlockPool(10),
                    SchedulingConfig.of(BLOCK)))
        .hasMessage("10 blocks of 4 tokens do not hold a context of 41 tokens");
  }

  private StepPlanner planner(EngineConfig config) {
    return new StepPlanner(
        config, new Admission(100, 32, 5), pool, SchedulingConfig.of(BLOCK).withPrefixCache(false));
  }

  private void submit(long number, GenerationRequest request) {
    submit(planner, number, request);
  }

  private static void submit(StepPlanner planner, long number, GenerationRequest request) {
    assertThat(planner.on(new StepEvent.Submitted(number, request))).isEmpty();
  }

  private List<StepCommand> cancel(long number) {
    return planner.on(new StepEvent.Cancelled(number));
  }

  private StepPlan step() {
    return step(planner);
  }

  private static StepPlan step(StepPlanner planner) {
    var commands = planner.on(new StepEvent.Ready());
    assertThat(commands).hasSize(1);
    return ((StepCommand.RunStep) commands.getFirst()).plan();
  }

  private List<StepCommand> done(int... tokens) {
    return done(planner, tokens);
  }

  private static List<StepCommand> done(StepPlanner planner, int... tokens) {
    return done(
        planner,
        Arrays.stream(tokens)
            .mapToObj(token -> new ChunkResult(token, null, List.of()))
            .toArray(ChunkResult[]::new));
  }

  private List<StepCommand> done(ChunkResult... results) {
    return done(planner, results);
  }

  private static List<StepCommand> done(StepPlanner planner, ChunkResult... results) {
    return planner.on(new StepEvent.StepDone(List.of(results)));
  }

  private void assertNothingIsLeft() {
    assertThat(pool.inUse()).isZero();
    assertThat(planner.running()).isZero();
    assertThat(planner.on(new StepEvent.Ready())).isEmpty();
    pool.check();
  }

  private static List<String> shape(StepPlan plan) {
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

  private static StepCommand emit(long sequence, GenerationEvent event) {
    return new StepCommand.Emit(sequence, event);
  }

  private static TokenLogprobs logprob(int i) {
    return new TokenLogprobs(-i, 1, new int[0], new float[0]);
  }

  private static GenerationRequest request(int prompt, int maxTokens) {
    return request(prompt, maxTokens, 0, Set.of());
  }

  private static GenerationRequest request(
      int prompt, int maxTokens, int minTokens, Set<Integer> stops) {
    return GenerationRequest.of("r", ids(prompt), Sampling.GREEDY, 0, maxTokens)
        .withMinTokens(minTokens)
        .withStopTokens(stops);
  }

  private static int[] ids(int count) {
    return IntStream.range(0, count).toArray();
  }
}
