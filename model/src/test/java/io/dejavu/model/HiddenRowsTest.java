package io.dejavu.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.dejavu.tensor.Kernels;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// The rows behind the final norm, as embeddings are made of them.
class HiddenRowsTest {
  /// The output matrix, read from the checkpoint and applied here, makes the reference's logits of
  /// them.
  @ParameterizedTest
  @ValueSource(
      strings = {"gpt2", "opt", "opt-350m-style", "bloom", "gpt-neox", "llama", "qwen2", "qwen3"})
  void theyGiveTheGoldenLogits(String checkpoint) throws IOException {
    try (var run = new Opened(checkpoint, Backends.open("fake"), 1)) {
      for (var golden : Golden.of(Golden.ROOT.resolve(checkpoint))) {
        float[] last = run.hidden(golden.prompt(), golden.prompt().length, 1);

        assertThat(run.logits(last)).containsExactly(golden.lastLogits(), within(1e-4f));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"opt-350m-style", "llama"})
  void theyDependOnNeitherChunksNorStages(String checkpoint) {
    int[] tokens = IntStream.range(0, 290).map(i -> i * 37 % 512).toArray();
    float[] expected;
    try (var run = new Opened(checkpoint, Backends.cpu(), 1)) {
      tokens =
          Arrays.copyOf(tokens, Math.min(tokens.length, run.model.model().sizes().maxPositions()));
      expected = run.hidden(tokens, tokens.length, tokens.length);

      assertThat(expected).hasSize(tokens.length * run.model.model().sizes().embedding());
      for (int chunk : new int[] {1, 7, 100}) {
        assertThat(run.hidden(tokens, chunk, chunk)).as("chunks of %d", chunk).isEqualTo(expected);
      }
      assertThat(run.inCompany(tokens)).as("in company").isEqualTo(expected);
    }
    try (var run = new Opened(checkpoint, Backends.cpu(), 2)) {
      assertThat(run.hidden(tokens, 64, 64)).as("2 stages").isEqualTo(expected);
    }
  }

  @Test
  void whatCannotBeWantedIsRefused() {
    var tokens = new int[3];

    assertThatThrownBy(() -> Step.Part.hidden(tokens, 0, new int[1], 4))
        .hasMessage("4 hidden rows of 3 tokens");
    assertThatThrownBy(
            () -> new Step.Part(tokens, 0, new int[1], TestModel.greedy(3), -1, new int[0], 0, 1))
        .hasMessage("a part with hidden rows draws or has targets");
  }

  private static final class Opened implements AutoCloseable {
    private final Kernels kernels;
    private final Weights weights;
    final TestModel model;

    Opened(String checkpoint, Kernels kernels, int stages) {
      this.kernels = kernels;
      var source = Checkpoint.of(Golden.ROOT.resolve(checkpoint));
      weights = source.openWeights();
      model =
          TestModel.of(
              weights, Architectures.of(source.config()), kernels, Precision.FLOAT32, stages);
    }

    /// The last `most` rows of every chunk.
    float[] hidden(int[] tokens, int chunk, int most) {
      var blocks = model.blocks(tokens.length);
      var rows = new ArrayList<float[]>();
      for (int from = 0; from < tokens.length; from += chunk) {
        var ids = Arrays.copyOfRange(tokens, from, Math.min(from + chunk, tokens.length));
        var part = Step.Part.hidden(ids, from, blocks, Math.min(most, ids.length));
        rows.add(model.run(new Step(List.of(part))).parts().getFirst().hidden());
      }
      return joined(rows);
    }

    /// Between a prompt, a sequence that draws and one that wants its last row.
    float[] inCompany(int[] tokens) {
      var blocks = model.blocks(tokens.length);
      var others = List.of(model.blocks(20), model.blocks(20), model.blocks(20));
      var rows = new ArrayList<float[]>();
      for (int from = 0; from < tokens.length; from += 41) {
        var ids = Arrays.copyOfRange(tokens, from, Math.min(from + 41, tokens.length));
        var parts =
            model
                .run(
                    new Step(
                        List.of(
                            Step.Part.hidden(new int[] {1, 2, 3}, 0, others.get(0), 1),
                            Step.Part.hidden(ids, from, blocks, ids.length),
                            Step.Part.draw(new int[] {4, 5}, 0, others.get(1), TestModel.greedy(2)),
                            Step.Part.prefill(new int[] {6, 7, 8}, 0, others.get(2))
                                .withTargets(new int[] {1, -1, 2}, 1))))
                .parts();
        assertThat(parts.get(2).token()).isNotNegative();
        assertThat(parts.get(2).hidden()).isEmpty();
        assertThat(parts.get(3).targets()).hasSize(2);
        rows.add(parts.get(1).hidden());
      }
      return joined(rows);
    }

    /// `row Wᵀ` in double.
    float[] logits(float[] row) {
      var sizes = model.model().sizes();
      String name = model.model().tied() ? tokenEmbedding() : model.model().output() + ".weight";
      var matrix = weights.matrix(name, sizes.vocabulary(), sizes.embedding());
      var logits = new float[sizes.vocabulary()];
      var weightsOfOne = new float[sizes.embedding()];
      for (int v = 0; v < logits.length; v++) {
        matrix.read(v, weightsOfOne, 0);
        double sum = 0;
        for (int i = 0; i < row.length; i++) {
          sum += (double) row[i] * weightsOfOne[i];
        }
        logits[v] = (float) sum;
      }
      return logits;
    }

    private String tokenEmbedding() {
      return weights.names().stream()
          .filter(name -> name.matches(".*(embed_tokens|wte|word_embeddings|embed_in)\\.weight"))
          .findFirst()
          .orElseThrow();
    }

    private static float[] joined(List<float[]> parts) {
      int count = parts.stream().mapToInt(part -> part.length).sum();
      var all = new float[count];
      int at = 0;
      for (float[] part : parts) {
        System.arraycopy(part, 0, all, at, part.length);
        at += part.length;
      }
      return all;
    }

    @Override
    public void close() {
      model.close();
      weights.close();
      kernels.close();
    }
  }
}
