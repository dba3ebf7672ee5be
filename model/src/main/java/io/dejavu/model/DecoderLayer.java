package io.dejavu.model;

import io.dejavu.tensor.Kernels;
import io.dejavu.tensor.KvCache;
import io.dejavu.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/// One layer, or a shard of it: attention and feed-forward around the residual stream.
final class DecoderLayer {
  private final Kernels kernels;
  private final Residual residual;
  private final NormWeights attentionNorm;
  private final AttentionPart attention;
  private final LinearWeights attentionOut;
  private final NormWeights feedForwardNorm;
  private final FeedForwardPart feedForward;
  private final LinearWeights down;
  private final @Nullable ShardSum sum;

  /// @param sum null if the layer is not sharded
  DecoderLayer(
      Kernels kernels,
      Residual residual,
      NormWeights attentionNorm,
      AttentionPart attention,
      LinearWeights attentionOut,
      NormWeights feedForwardNorm,
      FeedForwardPart feedForward,
      LinearWeights down,
      @Nullable ShardSum sum) {
    this.kernels = kernels;
    this.residual = residual;
    this.attentionNorm = attentionNorm;
    this.attention = attention;
    this.attentionOut = attentionOut;
    this.feedForwardNorm = feedForwardNorm;
    this.feedForward = feedForward;
    this.down = down;
    this.sum = sum;
  }

  /// Passes the residual stream through this layer, in place.
  ///
  /// @param all views of the step's rows
  void forward(Workspace.Views all, StepInputs.Tensors step, KvCache cache) {
    attend(all, step, cache, true);
    finish(all, all.x(), all.attended());
  }

  /// The same for a model's last layer, of which only the rows that give logits are wanted: what
  /// follows attention is computed for them alone.
  ///
  /// @param few views of as many rows as give logits, maybe none
  /// @return [R, M], those rows
  Tensor forwardOutputs(
      Workspace.Views all, Workspace.Views few, StepInputs.Tensors step, KvCache cache) {
    var any = few.x().rows() > 0;
    attend(all, step, cache, any);
    if (any) {
      kernels.select(all.x(), step.outputs(), few.chosen());
      kernels.select(all.attended(), step.outputs(), few.chosenAttended());
      finish(few, few.chosen(), few.chosenAttended());
    }
    return few.chosen();
  }

  private void attend(
      Workspace.Views views, StepInputs.Tensors step, KvCache cache, boolean attend) {
    var in = views.x();
    if (residual != Residual.POST_NORM) {
      attentionNorm.apply(kernels, views.x(), views.normed());
      in = views.normed();
    }
    attention.compute(kernels, in, views, step.batch(), cache, attend);
  }

  private void finish(Workspace.Views views, Tensor x, Tensor attended) {
    switch (residual) {
      case PRE_NORM -> {
        addTo(x, attended, attentionOut, views);
        feedForwardNorm.apply(kernels, x, views.normed());
        addTo(x, feedForward.compute(kernels, views.normed(), views), down, views);
      }
      case POST_NORM -> {
        addTo(x, attended, attentionOut, views);
        attentionNorm.apply(kernels, x, x);
        addTo(x, feedForward.compute(kernels, x, views), down, views);
        feedForwardNorm.apply(kernels, x, x);
      }
      case PARALLEL -> {
        feedForwardNorm.apply(kernels, x, views.normed());
        addTo(x, attended, attentionOut, views);
        addTo(x, feedForward.compute(kernels, views.normed(), views), down, views);
      }
    }
  }

  /// `x += in Wᵀ + bias`, over all shards.
  private void addTo(Tensor x, Tensor in, LinearWeights weights, Workspace.Views views) {
    if (sum == null) {
      weights.addTo(kernels, in, x);
    } else {
      weights.apply(kernels, in, views.partial());
      sum.sum(views.partial());
      kernels.add(views.partial(), x);
    }
  }
}
