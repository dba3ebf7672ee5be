package io.dejavu.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.dejavu.tensor.Sampling;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;

class FairQueueTest {
  private final FairQueue queue = new FairQueue();
  private long submitted;

  @Test
  void aTenantsRequestsGoByPriorityAndThenByArrival() {
    add("a", 1);
    add("a", 0);
    add("a", 0);
    add("a", -1);

    assertThat(serve(4, 0)).containsExactly("a4", "a2", "a3", "a1");
  }

  @Test
  void tenantsGetTheSameNumberOfTokensHoweverManyRequestsTheySend() {
    for (int i = 0; i < 20; i++) {
      add("many", 0);
    }
    for (int i = 0; i < 3; i++) {
      add("few", 0);
    }

    assertThat(serve(6, 10)).containsExactly("many1", "few21", "many2", "few22", "many3", "few23");
  }

  @Test
  void longAnswersCountAsWhatTheyAre() {
    for (int i = 0; i < 4; i++) {
      add("long", 0);
    }
    for (int i = 0; i < 4; i++) {
      add("short", 0);
    }

    take(100);
    assertThat(serve(4, 30)).containsExactly("short5", "short6", "short7", "short8");
  }

  @Test
  void whoWasAwayCannotHaveSavedUp() {
    add("a", 0);
    take(1000);
    for (int i = 0; i < 4; i++) {
      add("a", 0);
    }
    add("b", 0);
    add("b", 0);

    assertThat(serve(4, 10)).containsExactly("a2", "b6", "a3", "b7");
  }

  @Test
  void everyEighthPlaceGoesToWhoWaitsLongest() {
    add("a", 100);
    for (int i = 0; i < 20; i++) {
      add("a", 0);
    }

    assertThat(serve(10, 0).indexOf("a1")).isEqualTo(7);
  }

  @Test
  void aTenantThatHadMuchIsServedThoughNewOnesKeepComing() {
    add("rich", 0);
    add("rich", 0);
    take(1_000_000);

    var served = new ArrayList<String>();
    for (int i = 0; i < 16; i++) {
      add("new" + i, 0);
      served.addAll(serve(1, 1));
    }
    assertThat(served).contains("rich2");
  }

  @Test
  void whoIsNotEligibleIsOvertaken() {
    add("a", 0);
    add("a", 0);

    var next = queue.next(sequence -> sequence.number != 1);

    assertThat(next).isNotNull().extracting(sequence -> sequence.number).isEqualTo(2L);
    assertThat(queue.next(_ -> false)).isNull();
    assertThat(queue.size()).isEqualTo(2);
  }

  private void add(String tenant, int priority) {
    var request =
        GenerationRequest.of("r", new int[1], Sampling.GREEDY, 0, 1)
            .withTenant(tenant)
            .withPriority(priority);
    queue.add(new Sequence(++submitted, request, new Admission(10, 10, 0)));
  }

  private Sequence take(int tokens) {
    var next = Objects.requireNonNull(queue.next(_ -> true));
    queue.take(next);
    queue.charge(next, tokens);
    return next;
  }

  private List<String> serve(int count, int tokens) {
    var served = new ArrayList<String>();
    for (int i = 0; i < count; i++) {
      var sequence = take(tokens);
      served.add(sequence.request.tenant() + sequence.number);
    }
    return served;
  }
}
