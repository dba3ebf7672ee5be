package io.dejavu.local;

import io.dejavu.backend.cpu.CpuKernels;
import io.dejavu.model.Architectures;
import io.dejavu.model.CheckpointException;
import io.dejavu.model.Executor;
import io.dejavu.model.LoadProgress;
import io.dejavu.model.StepLimits;
import io.dejavu.model.Tokenizer;
import io.dejavu.tensor.Kernels;
import java.util.HexFormat;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.jspecify.annotations.Nullable;

/// A model ready to compute: its weights packed for the kernels of this machine, and its tokenizer.
/// Closes the kernels and the tokenizer; the executor is closed before, by whoever uses it.
///
/// @param parameters number of weights
/// @param tokenizer null if the checkpoint has none
/// @param identity of all that decides about keys and values besides the tokens: the weights, their
///   precision, the kernels and this version
public record LoadedModel(
    ModelSource source,
    long parameters,
    Kernels kernels,
    Executor executor,
    @Nullable Tokenizer tokenizer,
    String identity)
    implements AutoCloseable {
  /// @throws IllegalArgumentException if there is no such kernel family
  /// @throws CheckpointException if it cannot be loaded
  /// @throws WeightMemory.TooSmall if its weights do not fit into the memory
  public static LoadedModel open(ModelConfig config, StepLimits limits, LoadProgress progress) {
    var precision = config.precision();
    var source = ModelSource.of(config);
    // Its native library takes as long to load as the weights of a small model.
    var tokenizer =
        CompletableFuture.supplyAsync(
            source::openTokenizer,
            task -> Thread.ofPlatform().daemon().name("tokenizer-loader").start(task));
    // A damaged tokenizer is reported at once, not after minutes of loading.
    LoadProgress watched =
        (name, done, total) -> {
          if (tokenizer.isCompletedExceptionally()) {
            tokenizer.join();
          }
          progress.loaded(name, done, total);
        };
    var kernels = CpuKernels.open(config.kernels(), config.threads());
    Executor executor = null;
    boolean complete = false;
    try (var weights = source.openWeights()) {
      var architecture = Architectures.of(source.config());
      WeightMemory.check(
          WeightMemory.bytes(weights, precision), FreeMemory.bytes(), config.weights());
      executor = Executor.load(weights, architecture, kernels, precision, limits, watched);
      var loaded =
          new LoadedModel(
              source,
              ModelSource.parameters(weights),
              kernels,
              executor,
              tokenizer.join(),
              identity(source, config, kernels));
      complete = true;
      return loaded;
    } catch (CompletionException e) {
      throw e.getCause() instanceof CheckpointException damaged ? damaged : e;
    } finally {
      if (!complete) {
        if (executor != null) {
          executor.close();
        }
        kernels.close();
      }
    }
  }

  private static String identity(ModelSource source, ModelConfig config, Kernels kernels) {
    var checkpoint = source.checkpoint();
    var module = LoadedModel.class.getModule().getDescriptor();
    return String.join(
        "|",
        source.name(),
        checkpoint == null ? "random" : HexFormat.of().formatHex(checkpoint.identity()),
        config.precision().toString(),
        kernels.name(),
        module == null ? "development" : module.rawVersion().orElse("development"));
  }

  @Override
  public void close() {
    kernels.close();
    if (tokenizer != null) {
      tokenizer.close();
    }
  }
}
