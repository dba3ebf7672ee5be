package io.dejavu.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// What each `--dtype` and `--weights` costs in accuracy, on the bundled model and the longest of
/// its golden prompts. The bounds are a little above what is measured; `docs/precision.md` has the
/// table.
class PrecisionErrorTest {
  /// @param difference most mean |Δ logprob| of the text's tokens
  /// @param perplexity most relative change of the text's perplexity
  @ParameterizedTest
  @CsvSource({
    "auto, stored, 0.015, 0.002",
    "float32, int8, 0.06, 0.005",
    "auto, int8, 0.08, 0.01",
    "auto, int4, 0.75, 0.08",
  })
  void theErrorIsWithinItsBound(String dtype, String weights, double difference, double perplexity)
      throws IOException {
    var exact = logprobs(Precision.FLOAT32);
    var rounded = logprobs(Precision.parse(dtype, weights));

    var error = 0.0;
    for (int i = 0; i < exact.length; i++) {
      error += Math.abs(rounded[i] - exact[i]) / exact.length;
    }
    var change = perplexity(rounded) / perplexity(exact) - 1;
    System.out.printf(
        "--dtype %s --weights %s: mean |Δ logprob| %.4f, perplexity %.3f (%+.2f %%)%n",
        dtype, weights, error, perplexity(rounded), 100 * change);
    assertThat(error).isLessThan(difference);
    assertThat(Math.abs(change)).isLessThan(perplexity);
  }

  private static double perplexity(double[] logprobs) {
    return Math.exp(-Arrays.stream(logprobs).average().orElseThrow());
  }

  private static double[] logprobs(Precision precision) throws IOException {
    var checkpoint = Checkpoint.of(Golden.BUNDLED);
    var architecture = Architectures.of(checkpoint.config());
    try (var kernels = Backends.cpu();
        var weights = checkpoint.openWeights();
        var model = TestModel.of(weights, architecture, kernels, precision, 1)) {
      var golden = Golden.of(Golden.BUNDLED).getLast();
      var ids = golden.prompt();
      var part =
          Step.Part.prefill(ids, 0, model.blocks(ids.length)).withTargets(golden.targets(), 0);
      return model.run(new Step(List.of(part))).parts().getFirst().targets().stream()
          .mapToDouble(StepResult.Ranked::logprob)
          .toArray();
    }
  }
}
