package io.dejavu.workload;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

final class ComparisonTest {
  private static ServingFigures figures(double seconds) {
    var attempt =
        new Attempt(
            0,
            PlannedRequest.of(10, 3),
            0,
            new long[] {1_000_000, 3_000_000, 7_000_000},
            (long) (seconds * 1e9),
            10,
            3,
            0,
            null);
    return ServingFigures.of(
        new LoadRun.Outcome(List.of(attempt), (long) (seconds * 1e9), 0, 0, false), Objective.NONE);
  }

  private static Comparison comparison(double... secondsOfSecond) {
    var rounds = new ArrayList<Comparison.Round>();
    for (double seconds : secondsOfSecond) {
      rounds.add(new Comparison.Round(figures(1), figures(seconds)));
    }
    return new Comparison("a", "b", rounds);
  }

  @Test
  void ratiosAreThoseOfEachRound() {
    var ratios = comparison(2, 4, 3).ratios();

    var output = ratios.getFirst();
    assertThat(output.measure()).isEqualTo(Comparison.Measure.OUTPUT);
    assertThat(output.first()).isCloseTo(3, within(1e-9));
    assertThat(output.second()).isCloseTo(1, within(1e-9));
    assertThat(output.ratios().median()).isCloseTo(3, within(1e-9));
    assertThat(output.ratios().least()).isCloseTo(2, within(1e-9));
    assertThat(output.ratios().most()).isCloseTo(4, within(1e-9));
    assertThat(output.interval()).isNull();
    assertThat(ratios.stream().map(Comparison.Ratio::measure))
        .doesNotContain(Comparison.Measure.GOODPUT);
  }

  @Test
  void fiveRoundsHaveAnInterval() {
    var interval = Comparison.interval(new double[] {1, 2, 4, 2, 1});

    // logs: mean 0.8 ln 2, sample deviation 0.83666 ln 2, t(0.975, 4) = 2.77645
    assertThat(interval.low()).isCloseTo(Math.pow(2, 0.8 - 1.038846), within(1e-4));
    assertThat(interval.high()).isCloseTo(Math.pow(2, 0.8 + 1.038846), within(1e-4));
  }

  @Test
  void itIsPrintedAndWritten() {
    var comparison = comparison(2, 2, 2, 2, 2);

    assertThat(comparison.text())
        .contains("a : b over 5 rounds")
        .contains("output tok/s")
        .contains("2.000 – 2.000");
    var json = comparison.json();
    assertThat(json.get("rounds")).hasSize(5);
    assertThat(json.get("ratios").get(0).get("ratio_median").doubleValue())
        .isCloseTo(2, within(1e-9));
    assertThat(json.get("ratios").get(0).has("ci95_low")).isTrue();
  }
}
