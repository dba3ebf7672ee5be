package io.dejavu.workload;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class WorkloadTest {
  private static Spread gaps(ArrivalLaw law, long seed) {
    var times = law.times(20_001, seed);
    var gaps = new double[times.size() - 1];
    for (int i = 0; i < gaps.length; i++) {
      gaps[i] = times.get(i + 1).minus(times.get(i)).toNanos() / 1e9;
    }
    return Spread.of(gaps);
  }

  @ParameterizedTest
  @ValueSource(doubles = {0.25, 1, 4})
  void gapsHaveTheRateAndTheBurstinessOfTheirLaw(double burstiness) {
    var gaps = gaps(new ArrivalLaw(5, burstiness, Duration.ZERO), 4711);

    assertThat(gaps.mean()).isCloseTo(0.2, within(0.01));
    assertThat(gaps.deviation() / gaps.mean())
        .as("coefficient of variation")
        .isCloseTo(1 / Math.sqrt(burstiness), within(0.06 / Math.sqrt(burstiness)));
    if (burstiness == 1) { // Poisson: gaps are exponential
      assertThat(gaps.median()).isCloseTo(0.2 * Math.log(2), within(0.01));
    }
  }

  @Test
  void arrivalsAreTheSameForTheSameSeed() {
    var law = ArrivalLaw.poisson(3);

    assertThat(law.times(100, 1)).isEqualTo(law.times(100, 1)).isNotEqualTo(law.times(100, 2));
    assertThat(law.times(100, 1)).startsWith(Duration.ZERO).isSorted();
  }

  @Test
  void aRampBeginsSlowly() {
    var times = new ArrivalLaw(10, 1, Duration.ofSeconds(60)).times(2000, 1);

    long early = times.stream().filter(t -> t.toSeconds() < 10).count();
    long late = times.stream().filter(t -> t.toSeconds() >= 60 && t.toSeconds() < 70).count();
    assertThat(early).isLessThan(40);
    assertThat(late).isBetween(70L, 130L);
  }

  @Test
  void madeUpWorkloadsFollowTheirLaws() {
    var chat = SyntheticWorkload.of(SyntheticWorkload.Kind.CHAT).make(5000, 1);
    var prompts =
        Spread.of(chat.requests().stream().mapToDouble(PlannedRequest::promptTokens).toArray());

    assertThat(prompts.median()).isCloseTo(400, within(30.0));
    assertThat(prompts.most()).isLessThanOrEqualTo(8192);
    assertThat(prompts.percentile(84.13) / prompts.median())
        .as("one deviation above the median")
        .isCloseTo(Math.exp(1.1), within(0.25));
    assertThat(SyntheticWorkload.of(SyntheticWorkload.Kind.CHAT).make(5000, 1)).isEqualTo(chat);
  }

  @Test
  void someArePromptsAreLong() {
    var mixed =
        SyntheticWorkload.of(SyntheticWorkload.Kind.FIXED)
            .withPrompt(LengthLaw.parse("64"))
            .withLong(0.05, 900)
            .make(4000, 7);

    var lengths = mixed.requests().stream().map(PlannedRequest::promptTokens).toList();
    assertThat(lengths).containsOnly(64, 900);
    assertThat(lengths.stream().filter(n -> n == 900).count()).isBetween(150L, 250L);
  }

  @Test
  void aTurnBeginsWithAllThatWasSaidBefore() {
    var workload =
        SyntheticWorkload.of(SyntheticWorkload.Kind.MULTI_TURN)
            .withPrompt(LengthLaw.parse("70"))
            .withOutput(LengthLaw.parse("10"))
            .withShared(32)
            .withTurns(3)
            .make(6, 1);
    var prompts = new PromptMaker(workload.blockTokens(), 500, 1);

    var first = prompts.tokens(workload.requests().get(0), 0);
    var other = prompts.tokens(workload.requests().get(1), 1);
    var second = prompts.tokens(workload.requests().get(2), 2);
    assertThat(workload.requests().stream().map(PlannedRequest::promptTokens))
        .containsExactly(70, 70, 150, 150, 230, 230);
    assertThat(Arrays.mismatch(first, other)).as("the shared prefix").isBetween(32, 34);
    assertThat(Arrays.mismatch(first, second)).as("the whole first turn").isEqualTo(70);
  }

  @Test
  void theSameBlockIsTheSameTokens() {
    var prompts = new PromptMaker(8, 500, 1);
    var a = prompts.tokens(new PlannedRequest(Duration.ZERO, 30, 1, List.of(5L, 9L)), 0);
    var b = prompts.tokens(new PlannedRequest(Duration.ZERO, 20, 1, List.of(5L, 8L)), 1);
    var again = prompts.tokens(new PlannedRequest(Duration.ZERO, 30, 1, List.of(5L, 9L)), 0);

    assertThat(a).hasSize(30).isEqualTo(again);
    assertThat(b).hasSize(20);
    assertThat(Arrays.mismatch(a, b)).isEqualTo(8);
    assertThat(Arrays.stream(a)).allMatch(id -> id >= PromptMaker.FIRST_TOKEN && id < 500);
    assertThat(new PromptMaker(8, 500, 2).tokens(PlannedRequest.of(30, 1), 0))
        .isNotEqualTo(prompts.tokens(PlannedRequest.of(30, 1), 0));
  }

  @Test
  void textHasAboutAsManyTokens() {
    var request = new PlannedRequest(Duration.ZERO, 100, 1, List.of(1L, 2L));
    var prompts = new PromptMaker(16, 500, 1);

    String text = prompts.text(request, 0, new PromptText(2));
    String other = prompts.text(request, 1, new PromptText(2));

    assertThat(text.split(" ")).hasSize(50);
    assertThat(text.substring(0, 40)).isEqualTo(other.substring(0, 40));
    assertThat(text).isNotEqualTo(other);
  }

  @Test
  void lengthsThatAreNoneAreRefused() {
    for (var wrong :
        List.of("", "x", "0", "5..4", "-1", "lognormal:1:1", "lognormal:0:1:5", "1.5")) {
      assertThatThrownBy(() -> LengthLaw.parse(wrong))
          .as(wrong)
          .isInstanceOf(IllegalArgumentException.class);
    }
    assertThat(LengthLaw.parse("64..256")).isEqualTo(new LengthLaw.Uniform(64, 256));
  }
}
