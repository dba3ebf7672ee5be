package io.dejavu.serve.bench.kv;

import static org.assertj.core.api.Assertions.assertThat;

import io.dejavu.serve.bench.kv.KvStreamBench.Mode;
import io.dejavu.serve.bench.kv.KvStreamBench.Run;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

final class StreamAblationTest {
  /// Runs of all modes in turn: prompts and steps in milliseconds.
  private static Map<Mode, Run> round(int... millis) {
    var round = new EnumMap<Mode, Run>(Mode.class);
    int next = 0;
    for (var mode : Mode.values()) {
      long prompt = millis[next++] * 1_000_000L;
      long steps = millis[next++] * 1_000_000L;
      round.put(mode, new Run(prompt, steps / 100, prompt + steps));
    }
    return round;
  }

  private static final StreamAblation ABLATION =
      new StreamAblation(
          List.of(
              round(100, 400, 900, 800, 180, 480, 120, 480, 110, 420),
              round(100, 400, 900, 800, 180, 480, 120, 480, 110, 420),
              round(200, 700, 300, 900, 200, 400, 900, 900, 100, 400)));

  @Test
  void modesAreComparedWithTheRunWithoutStreamingOfTheSameRound() {
    assertThat(ABLATION.table().lines().map(line -> line.replaceAll(" {2,}", " | ")))
        .containsExactly(
            " | prompt ms | step ms | whole ms | ratio (range)",
            "nothing is streamed | 100.00 | 4.000 | 500.0",
            "naive: a message for each fragment | 900.00 | 8.000 | 1700.0 | 3.400 (1.333 – 3.400)",
            "packed: a message for each layer or step | 180.00 | 4.800 | 660.0 | 1.320 (0.667 – 1.320)",
            "+ the prompt layer by layer, meanwhile | 120.00 | 4.800 | 600.0 | 1.200 (1.200 – 2.000)",
            "+ tokens while the next is computed | 110.00 | 4.200 | 530.0 | 1.060 (0.556 – 1.060)");
  }

  @Test
  void eachStepOfTheLibraryTakesAwayWhatItSays() {
    assertThat(ABLATION.costs().lines().map(line -> line.replaceAll(" {2,}", " | ")))
        .containsExactly(
            "streaming costs, ms | prompts | steps | whole",
            "naive | 800.0 | 400.0 | 1200.0",
            "packed | 80.0 | 80.0 | 160.0",
            "+ layer by layer | 20.0 | 80.0 | 100.0",
            "+ tokens | 10.0 | 20.0 | 30.0",
            "naive : packed | 10.0 | 5.0 | 7.5",
            "hidden layer by layer, of packed | 75 % | – | –",
            "hidden by all, of packed | 88 % | 75 % | 81 %");
  }

  @Test
  void whereNextToNothingIsToBeHiddenNothingIsSaidOfIt() {
    var costs = new StreamAblation(List.of(round(100, 400, 200, 800, 100, 404, 99, 420, 98, 390)));

    assertThat(costs.costs().lines().map(line -> line.replaceAll(" {2,}", " | ")))
        .endsWith(
            "naive : packed | – | 100.0 | 125.0",
            "hidden layer by layer, of packed | – | – | –",
            "hidden by all, of packed | – | – | –");
  }

  @Test
  void linesFitAScreen() {
    assertThat((ABLATION.table() + ABLATION.costs()).lines())
        .allSatisfy(line -> assertThat(line.length()).as(line).isLessThanOrEqualTo(100));
  }
}
