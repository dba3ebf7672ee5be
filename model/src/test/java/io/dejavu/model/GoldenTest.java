package io.dejavu.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Every architecture against the reference implementation, in f32.
class GoldenTest {
  private static final float TOLERANCE = 1e-4f;

  /// A continuation may differ where the reference itself was this undecided.
  private static final float UNDECIDED = 1e-3f;

  record Case(Path checkpoint, String backend) {
    @Override
    public String toString() {
      return checkpoint.getFileName() + " on " + backend;
    }
  }

  static List<Case> cases() throws IOException {
    var cases = new ArrayList<Case>();
    try (Stream<Path> checkpoints = Files.list(Golden.ROOT)) {
      for (var checkpoint : checkpoints.sorted().toList()) {
        for (var backend : Backends.NAMES) {
          cases.add(new Case(checkpoint, backend));
        }
        // Memory that nobody outside of it can read, and nothing done before it is awaited.
        cases.add(new Case(checkpoint, "fake"));
      }
    }
    return cases;
  }

  @ParameterizedTest
  @MethodSource("cases")
  void lastLogitsPromptLogprobsAndGreedyTokensAreTheReferences(Case given) throws IOException {
    var checkpoint = Checkpoint.of(given.checkpoint());
    var architecture = Architectures.of(checkpoint.config());
    try (var kernels = Backends.open(given.backend());
        var weights = checkpoint.openWeights();
        var model = TestModel.of(weights, architecture, kernels, Precision.FLOAT32, 1)) {
      for (var golden : Golden.of(given.checkpoint())) {
        check(golden, model);
      }
    }
  }

  private static void check(Golden golden, TestModel model) {
    var prompt = golden.prompt();
    var blocks = model.blocks(prompt.length);
    var part =
        Step.Part.draw(prompt, 0, blocks, TestModel.greedy(prompt.length))
            .withLogprobs(5)
            .withTargets(golden.targets(), 0);

    var logits = model.logits(new Step(List.of(part)), 100)[0];
    assertThat(logits).containsExactly(golden.lastLogits(), within(TOLERANCE));

    var result = model.run(new Step(List.of(part))).parts().getFirst();
    assertThat(result.targets()).hasSameSizeAs(golden.promptLogprobs());
    for (int i = 0; i < golden.promptLogprobs().length; i++) {
      assertThat(result.targets().get(i).logprob())
          .as("prompt token %d", i + 1)
          .isCloseTo(golden.promptLogprobs()[i], within(TOLERANCE));
    }

    assertGreedy(golden, model.continueGreedily(prompt, golden.greedy().length));
  }

  static void assertGreedy(Golden golden, int[] tokens) {
    for (int i = 0; i < tokens.length; i++) {
      if (golden.margins()[i] < UNDECIDED && tokens[i] != golden.greedy()[i]) {
        return; // what follows has another beginning
      }
      assertThat(tokens[i])
          .as("token %d after a prompt of %d", i, golden.prompt().length)
          .isEqualTo(golden.greedy()[i]);
    }
  }
}
