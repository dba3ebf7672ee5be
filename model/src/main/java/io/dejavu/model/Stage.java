package io.dejavu.model;

import static java.util.Objects.requireNonNull;

import io.dejavu.kv.HeadRange;
import io.dejavu.tensor.Attention;
import io.dejavu.tensor.DType;
import io.dejavu.tensor.Kernels;
import io.dejavu.tensor.KvCache;
import io.dejavu.tensor.PackedMatrix;
import io.dejavu.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Some consecutive layers of a model on one device, all heads of them or a shard: the unit that a
/// worker computes. The first stage embeds tokens, the last one turns rows into logits.
///
/// Not thread-safe: the thread that drives its kernels calls it.
public final class Stage implements AutoCloseable {
  private final Kernels kernels;
  private final Architecture model;
  private final StagePart part;
  private final ShardSizes shard;
  private final DType kvType;
  private final WeightLoader weights;
  private final Workspace workspace;
  private final @Nullable Embedding embedding;
  private final List<DecoderLayer> layers = new ArrayList<>();
  private final @Nullable Readout readout;
  private final @Nullable Tensor frequencies;
  private List<KvCache> caches = List.of();
  private LayerListener listener = LayerListener.NONE;

  private Stage(
      WeightLoader weights,
      Architecture model,
      StagePart part,
      Kernels kernels,
      Precision precision,
      StepLimits limits,
      ShardSum sum) {
    this.kernels = kernels;
    this.model = model;
    this.part = part;
    this.weights = weights;
    this.shard = weights.shard();
    this.kvType = precision.kv(weights.stored());
    this.frequencies = weights.constant(model.ropeFrequencies());
    this.embedding = part.firstLayer() == 0 ? Embedding.load(kernels, model, weights) : null;
    var slopes = weights.constant(model.alibi() ? slopes() : null);
    for (int i = part.firstLayer(); i < part.lastLayer(); i++) {
      layers.add(layer(i, slopes, part.shards() == 1 ? null : sum));
    }
    this.readout = isLast() ? Readout.load(kernels, model, weights, sharedTokens(), limits) : null;
    this.workspace = new Workspace(kernels.device(), model, shard, part, limits.tokens());
  }

  /// Loads the weights of `part`.
  ///
  /// @param sum adds up the shards' results; not called if there is one shard
  /// @throws CheckpointException naming the file and tensor at fault
  public static Stage load(
      Weights weights,
      Architecture model,
      StagePart part,
      Kernels kernels,
      Precision precision,
      StepLimits limits,
      ShardSum sum,
      LoadProgress progress) {
    if (part.lastLayer() > model.sizes().layers()) {
      throw new IllegalArgumentException(
          "%s of a model of %d layers".formatted(part, model.sizes().layers()));
    }
    var loader = new WeightLoader(weights, model, part, kernels, precision, progress);
    var loaded = false;
    try {
      var stage = new Stage(loader, model, part, kernels, precision, limits, sum);
      loaded = true;
      return stage;
    } finally {
      if (!loaded) {
        loader.close();
      }
    }
  }

  private DecoderLayer layer(int index, @Nullable Tensor slopes, @Nullable ShardSum sum) {
    var heads = model.headNorms();
    var kind =
        new Attention(shard.heads(), model.attentionScale(index), model.window(index), slopes);
    return new DecoderLayer(
        kernels,
        model.residual(),
        weights.norm(index, model.attentionNorm()),
        new AttentionPart(
            weights.qkv(index),
            heads == null ? null : weights.headNorm(index, heads.query()),
            heads == null ? null : weights.headNorm(index, heads.key()),
            model.norm().epsilon(),
            frequencies != null,
            kind),
        weights.attentionOut(index),
        weights.norm(index, model.feedForwardNorm()),
        new FeedForwardPart(weights.up(index), model.gate() != null, model.activation()),
        weights.down(index),
        sum);
  }

  /// Of this shard's heads.
  private float[] slopes() {
    var mine = new float[shard.heads()];
    System.arraycopy(Alibi.slopes(model.sizes().heads()), shard.firstHead(), mine, 0, mine.length);
    return mine;
  }

  /// The output matrix, if it is the embedding that this stage has anyway.
  private @Nullable PackedMatrix sharedTokens() {
    return model.tied() && embedding != null ? embedding.tokens() : null;
  }

  public StagePart part() {
    return part;
  }

  public boolean isLast() {
    return part.lastLayer() == model.sizes().layers();
  }

  /// Of the model, those in each of its layers' caches.
  public HeadRange kvHeads() {
    return new HeadRange(shard.firstKvHead(), shard.firstKvHead() + shard.kvHeads());
  }

  /// D of each of its layers' caches.
  public int headSize() {
    return model.sizes().headSize();
  }

  /// What its keys and values are stored in.
  public DType kvType() {
    return kvType;
  }

  /// Says where keys and values are from now on.
  ///
  /// @param caches one per layer of this stage
  /// @throws IllegalArgumentException if number, heads, head size or type differ from this stage's
  public void use(List<KvCache> caches) {
    if (caches.size() != layers.size()) {
      throw new IllegalArgumentException(
          "%d caches for %d layers".formatted(caches.size(), layers.size()));
    }
    for (var cache : caches) {
      if (cache.kvHeads() != shard.kvHeads()
          || cache.headSize() != headSize()
          || cache.type() != kvType
          || cache.blockTokens() != caches.getFirst().blockTokens()) {
        throw new IllegalArgumentException(
            "%s, wanted %d heads of size %d in %s"
                .formatted(cache, shard.kvHeads(), headSize(), kvType));
      }
    }
    this.caches = List.copyOf(caches);
  }

  /// Says who hears of each layer from the next step on.
  public void tell(LayerListener listener) {
    this.listener = listener;
  }

  /// Where the stage before this one puts the residual stream, f32 `[T, M]`; also what {@link
  /// #forward} leaves for the next.
  public Tensor stream(int tokens) {
    return workspace.of(tokens).x();
  }

  /// Enqueues a step.
  ///
  /// @return of the last stage the rows that give logits `[R, M]`, of others the residual stream
  ///   `[T, M]`; valid until the next step
  public Tensor forward(StepInputs.Tensors step) {
    if (caches.isEmpty()) {
      throw new IllegalStateException("no KV caches were given");
    }
    var views = workspace.of(step.batch().rows());
    if (embedding != null) {
      embedding.compute(kernels, step, views);
    }
    if (frequencies != null) {
      kernels.ropeAngles(step.batch().positions(), frequencies, views.angles());
    }
    for (int i = 0; i < layers.size(); i++) {
      if (i == layers.size() - 1 && isLast() && !step.outputsAreAll()) {
        var few = workspace.of(step.outputs().columns());
        var rows = layers.get(i).forwardOutputs(views, few, step, caches.get(i));
        listener.written(part.firstLayer() + i);
        return rows;
      }
      layers.get(i).forward(views, step, caches.get(i));
      listener.written(part.firstLayer() + i);
    }
    return views.x();
  }

  /// Draws tokens and takes logprobs from what the last stage's {@link #forward} gave, and waits
  /// for them: the one place where a step is awaited.
  ///
  /// @throws IllegalStateException if this is not the last stage
  public StepResult read(StepInputs inputs, StepInputs.Tensors step, Tensor hidden) {
    if (readout == null) {
      throw new IllegalStateException("%s is not the last stage".formatted(part));
    }
    return readout.read(inputs, step, hidden);
  }

  /// Logits of a few of the rows that the last stage's {@link #forward} gave, `[R, V]`; valid until
  /// the next call.
  Tensor logits(Tensor hidden) {
    return requireNonNull(readout).logits(hidden);
  }

  @Override
  public void close() {
    workspace.close();
    if (readout != null) {
      readout.close();
    }
    weights.close();
  }
}
