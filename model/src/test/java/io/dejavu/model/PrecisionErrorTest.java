package io.dejavu.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// What each `--dtype` and `--weights` costs in accuracy, on the bundled model and the
/// longest of its golden prompts. The bounds are a little above what is measured; `docs/how-to/add-a-model.md` has the
/// table.
class PrecisionErrorTest {
  /// @param difference most mean |Δ logprob| of the text's tokens
  /// @param perplexity most relative change of the text's perplexity
  @ParameterizedTest
  @CsvSource({
    "auto, stored, 0.006, 0.002",
    "bfloat16, stored, 0.006, 0.002",
    "float32, int8:32, 0.01, 0.01",
    "float32, int8:128, 0.01, 0.01",
    "auto, int8:32, 0.02, 0.01",
    "auto, int8:128, 0.02, 0.01",
    "float32, int4:32, 0.2, 0.05",
    "float32, int4:128, 0.3, 0.10",
    "auto, int4:32, 0.2, 0.05",
    "auto, int4:128, 0.3, 0.10",
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

  @Test
  void theTextIsLongEnough() throws IOException {
    assertThat(logprobs(Precision.FLOAT32)).hasSizeGreaterThan(400);
  }

  private static double perplexity(double[] logprobs) {
    return Math.exp(-Arrays.stream(logprobs).average().orElseThrow());
  }

  private static double[] logprobs(Precision precision) throws IOException {
    var checkpoint = Checkpoint.of(Golden.BUNDLED);
    var architecture = Architectures.of(checkpoint.config());
    try (var kernels = Backends.open(Backends.NAMES.getLast());
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
