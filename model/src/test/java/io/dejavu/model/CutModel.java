package io.dejavu.model;

import io.dejavu.kv.KvMemory;
import io.dejavu.kv.KvSide;
import io.dejavu.kv.LayerRange;
import io.dejavu.tensor.Kernels;
import io.dejavu.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.IntStream;

/// A model cut into stages and head shards, for tests: every stage of every shard has keys and
/// values of its own. Each shard is a thread, which passes on from stage to stage.
final class CutModel implements AutoCloseable {
  private static final int PATIENCE_SECONDS = 60;

  private final Cut cut;
  private final List<ExecutorService> threads = new ArrayList<>();
  private final List<Shard> shards = new ArrayList<>();
  private final ThreadShards sums;

  /// @param checkpoint of the goldens
  /// @param blockTokens S
  /// @param blocks B
  record Cut(
      String checkpoint,
      String backend,
      List<LayerRange> stages,
      int shards,
      int blockTokens,
      int blocks) {
    Cut {
      stages = List.copyOf(stages);
    }

    @Override
    public String toString() {
      return "%s on %s, stages %s, %d shards, blocks of %d"
          .formatted(checkpoint, backend, stages, shards, blockTokens);
    }
  }

  private CutModel(Cut cut) {
    this.cut = cut;
    this.sums = new ThreadShards(cut.shards);
  }

  static CutModel open(Cut cut) {
    var model = new CutModel(cut);
    for (int i = 0; i < cut.shards; i++) {
      model.threads.add(Executors.newSingleThreadExecutor());
    }
    model.shards.addAll(model.onEach(shard -> model.new Shard(shard)));
    return model;
  }

  /// As a peer sees it.
  KvSide side() {
    var first = shards.getFirst().stages.getFirst();
    var sizes = first.sizes();
    return new KvSide(
        sizes.kvHeads(),
        sizes.headSize(),
        first.stage.kvType(),
        cut.stages,
        shards.stream().map(shard -> shard.stages.getFirst().stage.kvHeads()).toList(),
        cut.blockTokens);
  }

  KvMemory memory(int stage, int shard) {
    return shards.get(shard).stages.get(stage).memory;
  }

  /// Computes a step.
  ///
  /// @return logits of its output rows, the same in all shards
  float[][] logits(Step step) {
    return onEach(shard -> shards.get(shard).logits(step)).getFirst();
  }

  private interface Work<T> {
    T of(int shard);
  }

  /// Does the work of all shards at once, each in its thread.
  private <T> List<T> onEach(Work<T> work) {
    var results =
        IntStream.range(0, cut.shards)
            .mapToObj(shard -> threads.get(shard).submit((Callable<T>) () -> work.of(shard)))
            .toList();
    var done = new ArrayList<T>();
    for (var result : results) {
      try {
        done.add(result.get(PATIENCE_SECONDS, TimeUnit.SECONDS));
      } catch (ExecutionException | TimeoutException e) {
        throw new AssertionError(cut.toString(), e);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IllegalStateException("interrupted", e);
      }
    }
    return done;
  }

  @Override
  public void close() {
    onEach(
        shard -> {
          shards.get(shard).close();
          return shard;
        });
    threads.forEach(ExecutorService::shutdown);
  }

  /// One stage of one shard.
  private record CutStage(Architecture model, Stage stage, KvMemory memory) {
    Sizes sizes() {
      return model.sizes();
    }
  }

  private final class Shard {
    final Kernels kernels;
    final Weights weights;
    final List<CutStage> stages = new ArrayList<>();
    final StepInputs inputs;

    Shard(int number) {
      var checkpoint = Checkpoint.of(Golden.ROOT.resolve(cut.checkpoint));
      var model = Architectures.of(checkpoint.config());
      kernels = Backends.open(cut.backend, 1);
      weights = checkpoint.openWeights();
      var sum = cut.shards == 1 ? ShardSum.ALONE : sums.of(number, kernels.device());
      for (int i = 0; i < cut.stages.size(); i++) {
        var layers = cut.stages.get(i);
        var part = new StagePart(layers.start(), layers.end(), number, cut.shards);
        var stage =
            Stage.load(
                weights,
                model,
                part,
                kernels,
                Precision.FLOAT32,
                TestModel.LIMITS,
                sum,
                LoadProgress.SILENT);
        var memory = TestModel.memory(stage, kernels, cut.blocks, cut.blockTokens);
        stage.use(TestModel.caches(stage, memory));
        stages.add(new CutStage(model, stage, memory));
      }
      inputs = new StepInputs(kernels.device(), model.sizes(), TestModel.LIMITS, cut.blockTokens);
    }

    float[][] logits(Step step) {
      var tensors = inputs.upload(step);
      var hidden = stages.getFirst().stage.forward(tensors);
      for (var next : stages.subList(1, stages.size())) {
        var stream = next.stage.stream(hidden.rows());
        kernels
            .device()
            .upload(MemorySegment.ofArray(values(hidden)), stream.buffer(), stream.offset());
        hidden = next.stage.forward(tensors);
      }
      var logits = stages.getLast().stage.logits(hidden);
      var rows = new float[logits.rows()][];
      for (int r = 0; r < rows.length; r++) {
        rows[r] = values(logits.rows(r, r + 1));
      }
      return rows;
    }

    private float[] values(Tensor tensor) {
      var values = new float[tensor.rows() * tensor.columns()];
      kernels.device().download(tensor.buffer(), tensor.offset(), MemorySegment.ofArray(values));
      return values;
    }

    void close() {
      inputs.close();
      for (var stage : stages) {
        stage.stage.close();
        stage.memory.close();
      }
      weights.close();
      kernels.close();
    }
  }
}
