package io.dejavu.local;

import io.dejavu.engine.EngineConfig;
import io.dejavu.engine.EngineObserver;
import io.dejavu.kv.BlockPool;
import io.dejavu.kv.KvConfig;
import io.dejavu.model.Architectures;
import io.dejavu.model.Checkpoint;
import io.dejavu.model.Executor;
import io.dejavu.model.LoadProgress;
import io.dejavu.model.Precision;
import io.dejavu.model.StepLimits;
import io.dejavu.tensor.Kernels;
import java.nio.file.Path;
import java.util.function.Function;

/// A step loop on the bundled model.
final class BundledLoop {
  private static final Path MODEL = Path.of("../models/shakespeare-opt-7m");

  private BundledLoop() {}

  /// @param identity of the weights, for what is kept on disk
  /// @param computer what computes in place of the pipeline, and closes it
  static StepLoop open(
      Kernels kernels,
      EngineConfig engineConfig,
      KvConfig kvConfig,
      StepLoopConfig loopConfig,
      String identity,
      Function<LocalPipeline, StepLoop.Computer> computer) {
    var checkpoint = Checkpoint.of(MODEL);
    try (var weights = checkpoint.openWeights()) {
      var executor =
          Executor.load(
              weights,
              Architectures.of(checkpoint.config()),
              kernels,
              Precision.AUTO,
              new StepLimits(512, 20),
              LoadProgress.SILENT);
      var pipeline =
          LocalPipeline.open(executor, kernels.device(), engineConfig, kvConfig, identity);
      return StepLoop.start(
          computer.apply(pipeline),
          engineConfig,
          loopConfig,
          pipeline.admission(),
          new BlockPool(pipeline.layout().blocks()),
          pipeline.scheduling(),
          EngineObserver.NONE,
          StepListener.NONE);
    }
  }
}
