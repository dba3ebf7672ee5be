package io.dejavu.model;

import io.dejavu.kv.KvLayout;
import io.dejavu.kv.KvMemory;
import io.dejavu.kv.LayerRange;
import io.dejavu.tensor.Kernels;
import io.dejavu.tensor.KvCache;
import io.dejavu.tensor.SampleRow;
import io.dejavu.tensor.Sampling;
import io.dejavu.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/// A whole model with KV memory, cut into stages, for tests: steps in, logits or results out.
final class TestModel implements AutoCloseable {
  static final int BLOCK_TOKENS = 16;
  static final int BLOCKS = 192;
  static final StepLimits LIMITS = new StepLimits(1024, 20);

  private final Kernels kernels;
  private final Architecture model;
  private final List<Stage> stages = new ArrayList<>();
  private final List<KvMemory> memories = new ArrayList<>();
  private final StepInputs inputs;
  private int nextBlock = 1;

  private TestModel(Kernels kernels, Architecture model) {
    this.kernels = kernels;
    this.model = model;
    this.inputs = new StepInputs(kernels.device(), model.sizes(), LIMITS, BLOCK_TOKENS);
  }

  static TestModel of(
      Weights weights, Architecture model, Kernels kernels, Precision precision, int stages) {
    var test = new TestModel(kernels, model);
    for (int i = 0; i < stages; i++) {
      var part = StagePart.ofPipeline(model.sizes().layers(), i, stages);
      var stage =
          Stage.load(
              weights,
              model,
              part,
              kernels,
              precision,
              LIMITS,
              ShardSum.ALONE,
              LoadProgress.SILENT);
      test.stages.add(stage);
      var memory = memory(stage, kernels);
      test.memories.add(memory);
      stage.use(caches(stage, memory));
    }
    return test;
  }

  static KvMemory memory(Stage stage, Kernels kernels) {
    return memory(stage, kernels, BLOCKS, BLOCK_TOKENS);
  }

  static KvMemory memory(Stage stage, Kernels kernels, int blocks, int blockTokens) {
    var layers = new LayerRange(stage.part().firstLayer(), stage.part().lastLayer());
    return KvMemory.open(
        kernels.device(),
        new KvLayout(
            layers, blocks, stage.kvHeads(), blockTokens, stage.headSize(), stage.kvType()));
  }

  static List<KvCache> caches(Stage stage, KvMemory memory) {
    return IntStream.range(stage.part().firstLayer(), stage.part().lastLayer())
        .mapToObj(memory::cache)
        .toList();
  }

  Architecture model() {
    return model;
  }

  List<Stage> stages() {
    return stages;
  }

  /// Blocks for `tokens` tokens, in an order that no kernel can rely on.
  int[] blocks(int tokens) {
    var count = Math.ceilDiv(tokens, BLOCK_TOKENS);
    var blocks = new int[count];
    for (int i = 0; i < count; i++) {
      blocks[i] = nextBlock;
      nextBlock = (nextBlock + 5) % BLOCKS; // 5 and BLOCKS are coprime: all come before one returns
    }
    return blocks;
  }

  /// @return logits of the step's output rows, computed `together` rows at a time
  float[][] logits(Step step, int together) {
    var tensors = inputs.upload(step);
    var hidden = forward(tensors);
    var logits = new float[hidden.rows()][];
    for (int from = 0; from < logits.length; from += together) {
      var to = Math.min(from + together, logits.length);
      var slice = stages.getLast().logits(hidden.rows(from, to));
      for (int r = from; r < to; r++) {
        logits[r] = download(slice.rows(r - from, r - from + 1));
      }
    }
    return logits;
  }

  StepResult run(Step step) {
    var tensors = inputs.upload(step);
    return stages.getLast().read(inputs, tensors, forward(tensors));
  }

  private Tensor forward(StepInputs.Tensors step) {
    var hidden = stages.getFirst().forward(step);
    for (var stage : stages.subList(1, stages.size())) {
      // As between two processes: through the host.
      var bytes = MemorySegment.ofArray(download(hidden));
      var stream = stage.stream(hidden.rows());
      kernels.device().upload(bytes, stream.buffer(), stream.offset());
      hidden = stage.forward(step);
    }
    return hidden;
  }

  private float[] download(Tensor tensor) {
    var values = new float[tensor.rows() * tensor.columns()];
    kernels.device().download(tensor.buffer(), tensor.offset(), MemorySegment.ofArray(values));
    return values;
  }

  /// Greedy choice of the token at `position`.
  static SampleRow greedy(int position) {
    return new SampleRow(Sampling.GREEDY, 0, position, new int[0], 0, new int[0]);
  }

  /// Prompt, then `count` tokens, each step alone.
  int[] continueGreedily(int[] prompt, int count) {
    var blocks = blocks(prompt.length + count);
    var tokens = new int[count];
    var next = prompt;
    var start = 0;
    for (int i = 0; i < count; i++) {
      var part = Step.Part.draw(next, start, blocks, greedy(start + next.length));
      tokens[i] = run(new Step(List.of(part))).parts().getFirst().token();
      start += next.length;
      next = new int[] {tokens[i]};
    }
    return tokens;
  }

  @Override
  public void close() {
    inputs.close();
    stages.forEach(Stage::close);
    memories.forEach(KvMemory::close);
  }
}
