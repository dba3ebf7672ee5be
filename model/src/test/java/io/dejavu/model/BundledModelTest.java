package io.dejavu.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.dejavu.backend.cpu.CpuKernels;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// The bundled model against the reference implementation, its bf16 weights computed in f32.
class BundledModelTest {
  static List<String> backends() {
    return CpuKernels.families(); // the plain kernels take a minute
  }

  @ParameterizedTest
  @MethodSource("backends")
  void itsLogprobsAndGreedyTextAreTheReferences(String backend) throws IOException {
    var checkpoint = Checkpoint.of(Golden.BUNDLED);
    var architecture = Architectures.of(checkpoint.config());
    try (var kernels = Backends.open(backend);
        var weights = checkpoint.openWeights();
        var model = TestModel.of(weights, architecture, kernels, Precision.FLOAT32, 1)) {
      for (var golden : Golden.of(Golden.BUNDLED)) {
        check(golden, model);
      }
    }
  }

  private static void check(Golden golden, TestModel model) {
    var prompt = golden.prompt();
    var part =
        Step.Part.draw(prompt, 0, model.blocks(prompt.length), TestModel.greedy(prompt.length))
            .withLogprobs(golden.lastTop().size())
            .withTargets(golden.targets(), 0);

    var result = model.run(new Step(List.of(part))).parts().getFirst();

    for (int i = 0; i < golden.lastTop().size(); i++) {
      assertThat(result.logprobs().topIds()[i]).isEqualTo(golden.lastTop().get(i).token());
      assertThat(result.logprobs().topLogprobs()[i])
          .isCloseTo(golden.lastTop().get(i).logprob(), within(1e-4f));
    }
    for (int i = 0; i < golden.promptLogprobs().length; i++) {
      assertThat(result.targets().get(i).logprob())
          .as("prompt token %d", i + 1)
          .isCloseTo(golden.promptLogprobs()[i], within(1e-4f));
    }
    GoldenTest.assertGreedy(golden, model.continueGreedily(prompt, golden.greedy().length));
  }
}
