package io.dejavu.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import io.dejavu.tensor.Kernels;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// A model cut into head shards, one thread each, gives the logits of the whole one, and the same
/// bits in every run.
class ShardTest {
  private static final int[] TOKENS =
      IntStream.generate(new Random(4713)::nextInt).limit(60).map(i -> i >>> 23).toArray();

  /// `llama` has 2 kv heads, so 4 shards share them; `opt` has biases, to be added once.
  @ParameterizedTest
  @ValueSource(
      strings = {"opt", "opt-350m-style", "bloom", "llama", "gpt2", "gpt-neox", "qwen2", "qwen3"})
  void shardsAddUpToTheWhole(String checkpoint) throws Exception {
    var whole = logits(checkpoint, 1);
    for (int shards : List.of(2, 4)) {
      var first = logits(checkpoint, shards);
      var second = logits(checkpoint, shards);

      for (int shard = 0; shard < shards; shard++) {
        assertThat(first.get(shard)).isEqualTo(second.get(shard)).isEqualTo(first.getFirst());
        assertThat(first.get(shard)).containsExactly(whole.getFirst(), within(1e-4f));
      }
    }
  }

  @Test
  void headsThatDoNotDivideAreRefused() {
    var model = Architectures.of(Checkpoint.of(Golden.ROOT.resolve("llama")).config());

    assertThatIllegalArgumentException()
        .isThrownBy(() -> ShardSizes.of(model.sizes(), StagePart.whole(4).shard(0, 3)))
        .withMessage("8 attention heads with 2 key-value heads cannot be cut into 3 equal shards");
  }

  /// @return of each shard the logits after all tokens
  private static List<float[]> logits(String checkpoint, int shards) throws Exception {
    var sums = new ThreadShards(shards);
    try (var threads = Executors.newFixedThreadPool(shards)) {
      var results =
          threads.invokeAll(
              IntStream.range(0, shards)
                  .mapToObj(i -> (Callable<float[]>) () -> shard(checkpoint, i, shards, sums))
                  .toList());
      var logits = new ArrayList<float[]>();
      for (var result : results) {
        logits.add(result.get());
      }
      return logits;
    } catch (ExecutionException e) {
      throw new AssertionError(e.getCause());
    }
  }

  private static float[] shard(String name, int shard, int shards, ThreadShards sums) {
    var checkpoint = Checkpoint.of(Golden.ROOT.resolve(name));
    var model = Architectures.of(checkpoint.config());
    var part = StagePart.whole(model.sizes().layers()).shard(shard, shards);
    try (var kernels = Backends.cpu();
        var weights = checkpoint.openWeights();
        var stage =
            Stage.load(
                weights,
                model,
                part,
                kernels,
                Precision.FLOAT32,
                TestModel.LIMITS,
                sums.of(shard, kernels.device()),
                LoadProgress.SILENT);
        var memory = TestModel.memory(stage, kernels)) {
      stage.use(TestModel.caches(stage, memory));
      return run(stage, kernels, model);
    }
  }

  private static float[] run(Stage stage, Kernels kernels, Architecture model) {
    var device = kernels.device();
    var blocks = IntStream.range(0, 4).toArray();
    var step =
        new Step(List.of(Step.Part.draw(TOKENS, 0, blocks, TestModel.greedy(TOKENS.length))));
    try (var inputs =
        new StepInputs(device, model.sizes(), TestModel.LIMITS, TestModel.BLOCK_TOKENS)) {
      var logits = stage.logits(stage.forward(inputs.upload(step)));
      var values = new float[logits.columns()];
      device.download(logits.buffer(), logits.offset(), MemorySegment.ofArray(values));
      return values;
    }
  }
}
