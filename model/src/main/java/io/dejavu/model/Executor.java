package io.dejavu.model;

import io.dejavu.tensor.DType;
import io.dejavu.tensor.Kernels;
import io.dejavu.tensor.KvCache;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// A whole model on one device: a step goes in, tokens and logprobs come out. Everything between is
/// enqueued at once and awaited once.
///
/// Not thread-safe: the step loop owns it, and closes it before its kernels.
public final class Executor implements AutoCloseable {
  private final Kernels kernels;
  private final Architecture model;
  private final StepLimits limits;
  private final Stage stage;
  private @Nullable StepInputs inputs;

  private Executor(Kernels kernels, Architecture model, StepLimits limits, Stage stage) {
    this.kernels = kernels;
    this.model = model;
    this.limits = limits;
    this.stage = stage;
  }

  /// Loads all weights. {@link #use} must name the KV caches before the first step.
  ///
  /// @throws CheckpointException naming the file and tensor at fault
  public static Executor load(
      Weights weights,
      Architecture model,
      Kernels kernels,
      Precision precision,
      StepLimits limits,
      LoadProgress progress) {
    var whole = StagePart.whole(model.sizes().layers());
    var stage =
        Stage.load(weights, model, whole, kernels, precision, limits, ShardSum.ALONE, progress);
    return new Executor(kernels, model, limits, stage);
  }

  public Sizes sizes() {
    return model.sizes();
  }

  public StepLimits limits() {
    return limits;
  }

  /// What its keys and values are stored in.
  public DType kvType() {
    return stage.kvType();
  }

  /// Says where keys and values are from now on, one cache per layer.
  public void use(List<KvCache> caches) {
    stage.use(caches);
    if (inputs != null) {
      inputs.close();
    }
    inputs =
        new StepInputs(kernels.device(), model.sizes(), limits, caches.getFirst().blockTokens());
  }

  /// Says who hears of each layer from the next step on.
  public void tell(LayerListener listener) {
    stage.tell(listener);
  }

  /// Computes a step and waits for it. Keys and values of its tokens are then in the cache.
  ///
  /// @throws IllegalArgumentException if the step exceeds the limits or names tokens, positions or
  ///   blocks that do not exist; nothing was computed then
  public StepResult run(Step step) {
    if (inputs == null) {
      throw new IllegalStateException("no KV caches were given");
    }
    var tensors = inputs.upload(step);
    return stage.read(inputs, tensors, stage.forward(tensors));
  }

  @Override
  public void close() {
    if (inputs != null) {
      inputs.close();
    }
    stage.close();
  }
}
