package io.dejavu.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.dejavu.engine.GenerationEvent.Failed;
import io.dejavu.engine.GenerationEvent.Finished;
import io.dejavu.engine.GenerationEvent.Token;
import io.dejavu.kv.BlockPool;
import io.dejavu.tensor.Sampling;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/// Sequences that go on with keys and values that are in blocks already.
class AdoptionTest {
  private static final int BLOCK = 4;
  private static final int[] NONE = {};

  private final BlockPool pool = new BlockPool(10);
  private final StepPlanner planner = planner(3);

  @Test
  void itGoesOnWithTheNextTokenAsIfNothingHadHappened() {
    var sampling = new Sampling(1, 0, 1, 0, 1.5f, 0, 0, Map.of());
    var request = GenerationRequest.of("r", ids(5), sampling, 77, 4);

    assertThat(adopt(1, request, new int[] {9, 8}, 6, 7, 3)).isEmpty();

    var chunk = step().chunks().getFirst();
    assertThat(chunk.start()).isEqualTo(6);
    assertThat(chunk.tokens()).containsExactly(8);
    assertThat(chunk.blocks().blocks()).containsExactly(7, 3);
    assertThat(chunk.draw().position()).isEqualTo(7);
    assertThat(chunk.draw().seed()).isEqualTo(77);
    assertThat(chunk.draw().tokens()).containsExactly(0, 1, 2, 3, 4, 9, 8);
    assertThat(done(50)).containsExactly(emit(1, new Token(7, 50, null)));
    step();
    assertThat(done(51))
        .containsExactly(
            emit(1, new Token(8, 51, null)), emit(1, new Finished(FinishReason.LENGTH, 5, 4, 5)));
    assertThat(pool.inUse()).isZero();
    pool.check();
  }

  @Test
  void theLastTokenIsComputedHereThoughItsKeysAndValuesAreThere() {
    adopt(1, request(4, 9), new int[] {9}, 5, 0, 1);

    assertThat(step().chunks().getFirst().start()).isEqualTo(4);
  }

  @Test
  void aPromptThatIsHalfComputedGoesOnFromThere() {
    adopt(1, request(9, 2), NONE, 6, 0, 1);

    var chunk = step().chunks().getFirst();

    assertThat(chunk.start()).isEqualTo(6);
    assertThat(chunk.tokens()).containsExactly(6, 7, 8);
  }

  @Test
  void fullBlocksAreSharedAndFoundByOthers() {
    assertThat(adopt(1, request(6, 9), new int[] {9}, 6, 4, 5)).isEmpty();
    assertThat(adopt(2, request(6, 9), new int[] {9}, 6, 4, 6)).isEmpty();
    planner.on(new StepEvent.Submitted(3, request(5, 9)));

    var chunks = step().chunks();

    assertThat(pool.sharings()).isEqualTo(2);
    assertThat(chunks).hasSize(3);
    assertThat(chunks.get(2).start()).isEqualTo(4);
    assertThat(chunks.get(2).blocks().blocks()[0]).isEqualTo(4);
  }

  @Test
  void whoCannotHaveTheBlocksIsComputedAgain() {
    adopt(1, request(6, 9), new int[] {9}, 6, 4, 5);

    // 5 is written to by the first.
    assertThat(adopt(2, request(6, 9), new int[] {8}, 6, 4, 5))
        .containsExactly(new StepCommand.Recompute(2));
    assertThat(adopt(3, request(6, 9), new int[] {8}, 6, 7, 99))
        .containsExactly(new StepCommand.Recompute(3));

    var chunks = step().chunks();
    assertThat(chunks.get(1).tokens()).containsExactly(4, 5, 8); // the rest is the first's
    pool.check();
  }

  @Test
  void aBlockCannotHoldWhatTwoThatDifferSay() {
    adopt(1, request(5, 9), NONE, 4, 4);
    var other = GenerationRequest.of("other", new int[] {9, 9, 9, 9, 9}, Sampling.GREEDY, 0, 3);

    assertThat(adopt(2, other, NONE, 4, 4)).containsExactly(new StepCommand.Recompute(2));

    pool.check();
  }

  @Test
  void theConstraintIsWhereItWouldBe() {
    adopt(1, request(4, 9).withConstraint(new Counter(20)), new int[] {20, 21}, 5, 0, 1);

    long[] allowed = step().chunks().getFirst().draw().allowed();

    assertThat(allowed).containsExactly(1L << 22);
  }

  @Test
  void whatIsOverEndsAtOnce() {
    assertThat(adopt(1, request(4, 2), new int[] {9, 9}, 5, 0, 1))
        .containsExactly(emit(1, new Finished(FinishReason.LENGTH, 4, 2, 4)));
    assertThat(adopt(2, request(4, 9).withStopTokens(Set.of(60)), new int[] {60}, 4, 0))
        .containsExactly(emit(2, new Finished(FinishReason.STOP, 4, 1, 4)));
    assertThat(adopt(3, request(4, 9).withConstraint(new Counter(20)), new int[] {7}, 4, 0))
        .singleElement()
        .satisfies(
            command -> assertThat(((StepCommand.Emit) command).event()).isInstanceOf(Failed.class));
    assertThat(pool.inUse()).isZero();
  }

  @Test
  void moreThanMayRunWaitWithTheirBlocks() {
    var planner = planner(1);
    adopt(planner, 1, request(4, 2), new int[] {9}, 4, 0, 1);
    var other = GenerationRequest.of("other", new int[] {9, 9, 9, 9}, Sampling.GREEDY, 0, 2);
    adopt(planner, 2, other, new int[] {8}, 4, 2, 3);

    assertThat(step(planner).chunks()).hasSize(1);
    assertThat(planner.waiting()).isEqualTo(1);
    assertThat(pool.ownedBy(2)).containsExactly(2, 3);
    done(planner, 50);

    var chunk = step(planner).chunks().getFirst();
    assertThat(chunk.sequence()).isEqualTo(2);
    assertThat(chunk.start()).isEqualTo(4);
  }

  @Test
  void whoWaitsWithBlocksGivesThemWhereTheyAreWanted() {
    var planner = planner(1);
    planner.on(new StepEvent.Submitted(1, request(4, 27)));
    step(planner);
    done(planner, 50);
    adopt(planner, 2, request(8, 9), new int[] {8}, 8, 3, 4, 5, 6, 7, 8);

    for (int i = 0; i < 26; i++) {
      step(planner);
      done(planner, 51);
    }

    assertThat(planner.status().totals().recomputes()).isEqualTo(1);
    assertThat(step(planner).chunks().getFirst().sequence()).isEqualTo(2);
    pool.check();
  }

  private static StepPlan step(StepPlanner planner) {
    return planner.on(new StepEvent.Ready()).stream()
        .filter(StepCommand.RunStep.class::isInstance)
        .map(command -> ((StepCommand.RunStep) command).plan())
        .findFirst()
        .orElseThrow();
  }

  private StepPlan step() {
    return step(planner);
  }

  private List<StepCommand> done(int token) {
    return done(planner, token);
  }

  private static List<StepCommand> done(StepPlanner planner, int token) {
    return planner.on(new StepEvent.StepDone(List.of(new ChunkResult(token, null, List.of()))));
  }

  private List<StepCommand> adopt(
      long number, GenerationRequest request, int[] generated, int computed, int... blocks) {
    return adopt(planner, number, request, generated, computed, blocks);
  }

  private static List<StepCommand> adopt(
      StepPlanner planner,
      long number,
      GenerationRequest request,
      int[] generated,
      int computed,
      int... blocks) {
    return planner.on(new StepEvent.Adopted(number, request, generated, computed, blocks));
  }

  private StepPlanner planner(int maxRunning) {
    return new StepPlanner(
        new EngineConfig(16, maxRunning, 100, 0),
        new Admission(100, 32, 5),
        pool,
        SchedulingConfig.of(BLOCK));
  }

  private static StepCommand emit(long sequence, GenerationEvent event) {
    return new StepCommand.Emit(sequence, event);
  }

  private static GenerationRequest request(int prompt, int maxTokens) {
    return GenerationRequest.of("r", ids(prompt), Sampling.GREEDY, 0, maxTokens);
  }

  private static int[] ids(int count) {
    return IntStream.range(0, count).toArray();
  }

  /// Allows the next number only.
  private record Counter(int next) implements TokenConstraint {
    @Override
    public long[] allowed() {
      return new long[] {1L << next};
    }

    @Override
    public TokenConstraint after(int token) {
      if (token != next) {
        throw new IllegalStateException("%d, not %d".formatted(token, next));
      }
      return new Counter(next + 1);
    }
  }
}
