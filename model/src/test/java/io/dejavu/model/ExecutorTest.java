package io.dejavu.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.dejavu.kv.HeadRange;
import io.dejavu.kv.KvLayout;
import io.dejavu.kv.KvMemory;
import io.dejavu.kv.LayerRange;
import io.dejavu.tensor.Kernels;
import io.dejavu.tensor.SampleRow;
import io.dejavu.tensor.Sampling;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class ExecutorTest {
  private static final StepLimits LIMITS = new StepLimits(400, 8);

  /// An executor with KV memory for some sequences.
  private static final class Opened implements AutoCloseable {
    final Executor executor;
    final List<String> progress = new ArrayList<>();
    private final KvMemory memory;

    Opened(Weights weights, Architecture model, Kernels kernels, Precision precision) {
      executor =
          Executor.load(
              weights,
              model,
              kernels,
              precision,
              LIMITS,
              (name, done, total) -> progress.add("%s %d/%d".formatted(name, done, total)));
      var sizes = model.sizes();
      memory =
          KvMemory.open(
              kernels.device(),
              new KvLayout(
                  new LayerRange(0, sizes.layers()),
                  64,
                  HeadRange.all(sizes.kvHeads()),
                  16,
                  sizes.headSize(),
                  executor.kvType()));
      executor.use(IntStream.range(0, sizes.layers()).mapToObj(memory::cache).toList());
    }

    StepResult run(Step.Part... parts) {
      return executor.run(new Step(List.of(parts)));
    }

    byte[] copy(int[] blocks) {
      var copy = new byte[Math.toIntExact(blocks.length * memory.layout().blockBytes())];
      memory.copyOut(blocks, MemorySegment.ofArray(copy));
      return copy;
    }

    @Override
    public void close() {
      executor.close();
      memory.close();
    }
  }

  private interface Check {
    void on(Opened opened);
  }

  private static void onLlama(Check check) {
    var checkpoint = Checkpoint.of(Golden.ROOT.resolve("llama"));
    try (var kernels = Backends.cpu();
        var weights = checkpoint.openWeights();
        var opened =
            new Opened(
                weights, Architectures.of(checkpoint.config()), kernels, Precision.FLOAT32)) {
      check.on(opened);
    }
  }

  private static final int[] PROMPT =
      new Random(4714).ints(300, 0, 512).toArray(); // more rows than logits are computed of at once

  private static int[] blocks(int first, int tokens) {
    return IntStream.range(first, first + Math.ceilDiv(tokens, 16)).toArray();
  }

  private static int[] next(int[] tokens) {
    var targets = Arrays.copyOfRange(tokens, 1, tokens.length + 1);
    targets[tokens.length - 1] = -1;
    return targets;
  }

  @Test
  void eachPartGetsItsOwnResults() {
    onLlama(
        opened -> {
          var scored =
              Step.Part.draw(PROMPT, 0, blocks(0, 300), TestModel.greedy(300))
                  .withLogprobs(3)
                  .withTargets(next(PROMPT), 2);
          var silent = Step.Part.prefill(Arrays.copyOf(PROMPT, 20), 0, blocks(20, 20));
          var plain =
              Step.Part.draw(Arrays.copyOf(PROMPT, 30), 0, blocks(22, 30), TestModel.greedy(30));
          var wordy = plain.withLogprobs(8).withTargets(new int[0], 0);
          var alone = opened.run(scored).parts().getFirst();
          var plainAlone = opened.run(wordy).parts().getFirst();

          var together = opened.run(plain, silent, scored).parts();

          assertThat(together.get(0).token()).isEqualTo(plainAlone.token());
          assertThat(together.get(0).logprobs()).isNull();
          assertThat(together.get(1).token()).isEqualTo(-1);
          assertThat(together.get(1).targets()).isEmpty();
          assertSame(together.get(2), alone);
          assertThat(alone.targets()).hasSize(299);
          assertThat(alone.targets()).allSatisfy(row -> assertThat(row.topIds()).hasSize(2));
          assertThat(alone.logprobs().topIds()).hasSize(3).startsWith(alone.token());
          assertThat(alone.logprobs().rank()).isEqualTo(1);
          assertThat(plainAlone.logprobs().topIds()).hasSize(8);
          assertThat(plainAlone.logprobs().topLogprobs()[0])
              .isEqualTo(plainAlone.logprobs().logprob());
        });
  }

  private static void assertSame(StepResult.Part actual, StepResult.Part expected) {
    assertThat(actual).usingRecursiveComparison().isEqualTo(expected);
  }

  @Test
  void aLayerIsToldWhenItsKeysAndValuesAreWrittenAndTheNextOnesAreNot() {
    onLlama(
        opened -> {
          var blocks = blocks(0, 20);
          var heard = new ArrayList<Integer>();
          var copies = new ArrayList<byte[]>();
          opened.executor.tell(
              layer -> {
                heard.add(layer);
                copies.add(opened.copy(blocks));
              });

          opened.run(Step.Part.draw(Arrays.copyOf(PROMPT, 20), 0, blocks, TestModel.greedy(20)));

          var whole = opened.copy(blocks);
          int layers = opened.executor.sizes().layers();
          int bytes = whole.length / layers;
          assertThat(heard).isEqualTo(IntStream.range(0, layers).boxed().toList());
          for (int layer = 0; layer < layers; layer++) {
            var written = (layer + 1) * bytes;
            assertThat(Arrays.copyOf(copies.get(layer), written))
                .as("layer %d", layer)
                .isEqualTo(Arrays.copyOf(whole, written));
            assertThat(Arrays.copyOfRange(copies.get(layer), written, whole.length))
                .as("after layer %d", layer)
                .isEqualTo(new byte[whole.length - written]);
            assertThat(Arrays.copyOfRange(whole, layer * bytes, written))
                .as("layer %d", layer)
                .isNotEqualTo(new byte[bytes]);
          }
        });
  }

  @Test
  void aTokenDependsOnSeedAndPositionAlone() {
    onLlama(
        opened -> {
          var prompt = Arrays.copyOf(PROMPT, 10);
          var sampling = new Sampling(1.5f, 0, 1, 0, 1, 0, 0, Map.of());
          var draws = new ArrayList<Integer>();
          for (long seed = 0; seed < 40; seed++) {
            var draw = new SampleRow(sampling, seed, 10, new int[0], 0, new int[0]);
            var other = new SampleRow(sampling, seed + 1, 10, new int[0], 0, new int[0]);
            var part = Step.Part.draw(prompt, 0, blocks(0, 10), draw);

            var token = opened.run(part).parts().getFirst().token();
            var second =
                opened
                    .run(Step.Part.draw(prompt, 0, blocks(4, 10), other), part)
                    .parts()
                    .getLast()
                    .token();

            assertThat(second).isEqualTo(token);
            draws.add(token);
          }
          assertThat(draws.stream().distinct().count()).isGreaterThan(10);
        });
  }

  @Test
  void whatDoesNotExistIsRefused() {
    onLlama(
        opened -> {
          refused(opened, new int[] {512}, 0, blocks(0, 16), "token 512 of a vocabulary of 512");
          refused(opened, new int[] {-1}, 0, blocks(0, 16), "token -1 of a vocabulary of 512");
          refused(
              opened, new int[401], 0, blocks(0, 401), "a step of 401 tokens, must be 1 to 400");
          refused(opened, new int[300], 213, blocks(0, 600), "513 tokens, the model has 512");
          refused(opened, new int[17], 0, blocks(0, 16), "1 blocks of 16 tokens for 17 tokens");
          assertThatThrownBy(
                  () ->
                      opened.run(
                          Step.Part.draw(new int[] {1}, 0, blocks(0, 1), TestModel.greedy(1))
                              .withLogprobs(9)))
              .hasMessage("9 logprobs wanted, at most 8");
        });
  }

  private static void refused(
      Opened opened, int[] tokens, int start, int[] blocks, String message) {
    assertThatThrownBy(() -> opened.run(Step.Part.prefill(tokens, start, blocks)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith(message);
  }

  @Test
  void loadingTellsHowFarItIs() {
    onLlama(
        opened ->
            assertThat(opened.progress)
                .hasSize(18)
                .startsWith("model.embed_tokens.weight 1/18")
                .endsWith("lm_head.weight 18/18"));
  }

  @Test
  void weightsThatDoNotFitTheConfigAreNamed() {
    var llama = Checkpoint.of(Golden.ROOT.resolve("llama"));
    try (var kernels = Backends.cpu();
        var weights = llama.openWeights()) {
      var otherFamily = Checkpoint.of(Golden.ROOT.resolve("gpt2")).config();
      var otherSizes = Checkpoint.of(Golden.ROOT.resolve("llama3-rope")).config();

      assertThatThrownBy(
              () -> new Opened(weights, Architectures.of(otherFamily), kernels, Precision.AUTO))
          .isInstanceOf(CheckpointException.class)
          .hasMessageContaining("goldens/llama")
          .hasMessageContaining("transformer.h.0.attn.c_attn.weight");
      assertThatThrownBy(
              () -> new Opened(weights, Architectures.of(otherSizes), kernels, Precision.AUTO))
          .isInstanceOf(CheckpointException.class)
          .hasMessageContaining("model.layers.0.self_attn.k_proj.weight")
          .hasMessageContaining("[16, 64]");
    }
  }

  /// Weights that give logits of NaN.
  @Test
  void logitsThatAreNoNumbersDrawNoToken() {
    var config = Checkpoint.of(Golden.ROOT.resolve("llama")).config();
    try (var kernels = Backends.cpu();
        var weights = new Damaged(RandomWeights.of(config, 1));
        var opened = new Opened(weights, Architectures.of(config), kernels, Precision.AUTO)) {
      var part =
          Step.Part.draw(new int[] {1}, 0, blocks(0, 1), TestModel.greedy(1)).withLogprobs(0);

      var result = opened.run(part).parts().getFirst();

      assertThat(result.token()).isEqualTo(-1);
      assertThat(result.logprobs().logprob()).isNaN();
    }
  }

  private record Damaged(Weights whole) implements ForwardingWeights {
    @Override
    public float[] vector(String name, int size) {
      var vector = whole.vector(name, size);
      if (name.equals("model.norm.weight")) {
        vector[3] = Float.NaN;
      }
      return vector;
    }
  }

  static List<Path> checkpoints() throws IOException {
    try (Stream<Path> checkpoints = Files.list(Golden.ROOT)) {
      return checkpoints.sorted().toList();
    }
  }

  @ParameterizedTest
  @MethodSource("checkpoints")
  void everyArchitectureRunsWithRandomWeights(Path checkpoint) {
    var config = Checkpoint.of(checkpoint).config();
    for (var precision : List.of(Precision.AUTO, Precision.parse("auto", "int8"))) {
      try (var kernels = Backends.cpu();
          var weights = RandomWeights.of(config, 1);
          var opened = new Opened(weights, Architectures.of(config), kernels, precision)) {
        var prompt = Arrays.copyOf(PROMPT, 20);
        var part =
            Step.Part.draw(prompt, 0, blocks(0, 20), TestModel.greedy(20))
                .withLogprobs(8)
                .withTargets(next(prompt), 0);

        var result = opened.run(part).parts().getFirst();

        assertThat(result.token()).isBetween(0, 511);
        // Neither certain nor blank: activations kept their size on the way.
        assertThat(result.logprobs().logprob()).isBetween(-6.1f, -0.5f);
        var mean = result.targets().stream().mapToDouble(StepResult.Ranked::logprob).average();
        assertThat(mean.orElseThrow()).isCloseTo(-Math.log(512), within(1.5));
      }
    }
  }
}
