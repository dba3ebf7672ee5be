package io.dejavu.workload;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/// Attempts with known times.
final class ServingFiguresTest {
  private static final long MS = 1_000_000;

  private static Attempt attempt(
      int number, long startMs, long[] chunkMs, long endMs, int tokens, @Nullable Failure failure) {
    var chunks = new long[chunkMs.length];
    for (int i = 0; i < chunks.length; i++) {
      chunks[i] = chunkMs[i] * MS;
    }
    return new Attempt(
        number, PlannedRequest.of(10, 4), startMs * MS, chunks, endMs * MS, 10, tokens, 2, failure);
  }

  /// Two answers of four tokens, one of a single token, one refused, one cut, one stopped.
  private static LoadRun.Outcome outcome() {
    return new LoadRun.Outcome(
        List.of(
            attempt(0, 0, new long[] {100, 110, 130, 160}, 161, 4, null),
            attempt(1, 0, new long[] {200, 220, 240, 260}, 261, 4, null),
            attempt(2, 161, new long[] {1161}, 1162, 1, null),
            attempt(3, 261, new long[0], 280, 0, new Failure(Failure.Kind.HTTP, 429, "later")),
            attempt(4, 270, new long[] {300}, 310, 1, Failure.of(Failure.Kind.CUT, "cut")),
            attempt(5, 310, new long[0], 2000, 0, Failure.of(Failure.Kind.STOPPED, "stopped"))),
        2000 * MS,
        900_000,
        3 * MS,
        true);
  }

  @Test
  void everyMeasureIsAsDefined() {
    var figures = ServingFigures.of(outcome(), Objective.NONE);

    assertThat(figures.completed()).isEqualTo(3);
    assertThat(figures.failures()).isEqualTo(Map.of("http 429", 1, "cut", 1));
    assertThat(figures.stopped()).isEqualTo(1);
    assertThat(figures.inputTokens()).isEqualTo(30);
    assertThat(figures.outputTokens()).isEqualTo(9);
    assertThat(figures.cachedTokens()).isEqualTo(6);
    assertThat(figures.seconds()).isEqualTo(2);
    assertThat(figures.outputThroughput()).isEqualTo(4.5);
    assertThat(figures.totalThroughput()).isEqualTo(19.5);
    assertThat(figures.requestThroughput()).isEqualTo(1.5);
    assertThat(figures.ttft().median()).isEqualTo(200);
    assertThat(figures.ttft().mean()).isCloseTo(1300 / 3.0, within(1e-9));
    assertThat(figures.tpot().count()).as("an answer of one token has none").isEqualTo(2);
    assertThat(figures.tpot().mean()).isEqualTo(20);
    assertThat(figures.itl().count()).isEqualTo(6);
    assertThat(figures.itl().least()).isEqualTo(10);
    assertThat(figures.itl().most()).isEqualTo(30);
    assertThat(figures.e2el().least()).isEqualTo(160);
    assertThat(figures.normalized().least()).isEqualTo(40);
    assertThat(figures.normalized().most()).isEqualTo(1000);
    assertThat(figures.peakConcurrency()).isEqualTo(3);
    assertThat(figures.peakOutputRate()).isEqualTo(9);
    assertThat(figures.clientMicrosPerToken()).isEqualTo(100);
    assertThat(figures.worstLagMillis()).isEqualTo(3);
  }

  @Test
  void aPeakIsOfTokensAndNotOfChunks() {
    var twoTokensAChunk = attempt(0, 0, new long[] {100, 400}, 500, 4, null);
    var outcome = new LoadRun.Outcome(List.of(twoTokensAChunk), 500 * MS, 0, 0, true);

    var figures = ServingFigures.of(outcome, Objective.NONE);

    assertThat(figures.peakOutputRate()).as("no less than the mean").isEqualTo(8);
    assertThat(figures.outputThroughput()).isEqualTo(8);
  }

  @Test
  void goodAnswersKeepAllLimits() {
    var strict = ServingFigures.of(outcome(), Objective.parse(List.of("ttft:150", "tpot:20")));
    var slow = ServingFigures.of(outcome(), Objective.parse(List.of("e2el:1000")));
    var none = ServingFigures.of(outcome(), Objective.parse(List.of("ttft:1")));

    assertThat(strict.good()).isEqualTo(1);
    assertThat(strict.goodput()).isEqualTo(0.5);
    assertThat(strict.attainment()).as("of five, the stopped one apart").isEqualTo(0.2);
    assertThat(slow.good()).isEqualTo(3);
    assertThat(none.good()).isZero();
  }

  @Test
  void anObjectiveThatIsNotOneIsRefused() {
    for (var wrong : List.of("ttft", "ttft:x", "itl:5", "tpot:0", "tpot:NaN", "a:b:c")) {
      assertThatThrownBy(() -> Objective.parse(List.of(wrong)))
          .as(wrong)
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining(wrong);
    }
    assertThatThrownBy(() -> Objective.parse(List.of("ttft:1", "ttft:2")))
        .isInstanceOf(IllegalArgumentException.class);
    assertThat(Objective.parse(List.of("TTFT:200", "e2el:1.5"))).hasToString("ttft:200 e2el:1.5");
  }

  @Test
  void percentilesAreInterpolatedAsByNumPy() {
    var spread = Spread.of(4, 1, 3, 2);

    assertThat(spread.percentile(0)).isEqualTo(1);
    assertThat(spread.percentile(50)).isEqualTo(2.5);
    assertThat(spread.percentile(90)).isCloseTo(3.7, within(1e-12));
    assertThat(spread.percentile(100)).isEqualTo(4);
    assertThat(spread.deviation()).isCloseTo(Math.sqrt(1.25), within(1e-12));
    assertThat(Spread.of().percentile(99)).isZero();
  }

  @Test
  void aTimelineCountsWhatRunsAndWhatComes() {
    var line = Timeline.of(outcome().attempts(), 2000 * MS, 20);

    assertThat(line.stepSeconds()).isEqualTo(0.1);
    assertThat(line.running()).startsWith(2, 2, 3, 2).endsWith(1);
    assertThat(line.chunksPerSecond()[1]).isEqualTo(40);
    assertThat(line.chunksPerSecond()[11]).isEqualTo(10);
  }
}
