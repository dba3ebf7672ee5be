package io.dejavu.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.dejavu.engine.GenerationEvent.Failed;
import io.dejavu.engine.GenerationEvent.Finished;
import io.dejavu.engine.GenerationEvent.Prompt;
import io.dejavu.engine.GenerationEvent.Token;
import io.dejavu.kv.BlockPool;
import io.dejavu.tensor.Sampling;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/// What is computed in a step, in which order, and how sequences end.
class StepPlannerTest extends PlannerFixture {
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
    var ranked = IntStream.range(1, 10).mapToObj(PlannerFixture::logprob).toList();
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

  private List<StepCommand> failed(String why) {
    return planner.on(new StepEvent.StepFailed(why));
  }
}
