package io.dejavu.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.dejavu.engine.GenerationEvent.Finished;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/// Prompts that begin alike.
class StepPlannerSharingTest extends PlannerFixture {
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
}
