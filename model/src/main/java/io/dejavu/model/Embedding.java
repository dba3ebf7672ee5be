package io.dejavu.model;

import io.dejavu.tensor.Kernels;
import io.dejavu.tensor.PackedMatrix;
import org.jspecify.annotations.Nullable;

/// From token ids to the residual stream.
///
/// @param tokens [V, embedding]
/// @param positions [positions, M], added
/// @param projectIn [M, embedding]
record Embedding(
    PackedMatrix tokens,
    @Nullable PackedMatrix positions,
    @Nullable LinearWeights projectIn,
    @Nullable NormWeights norm) {
  static Embedding load(Kernels kernels, Architecture model, WeightLoader weights) {
    var sizes = model.sizes();
    var positions = model.positions();
    var projectIn = model.projectIn();
    var norm = model.embeddingNorm();
    return new Embedding(
        weights.tokens(),
        positions == null ? null : weights.positions(positions),
        projectIn == null ? null : weights.projection(projectIn, sizes.width(), sizes.embedding()),
        norm == null ? null : weights.norm(norm));
  }

  /// Leaves the embedded tokens in `views.x`.
  void compute(Kernels kernels, StepInputs.Tensors step, Workspace.Views views) {
    if (projectIn == null) {
      kernels.gather(tokens, step.ids(), views.x());
    } else {
      kernels.gather(tokens, step.ids(), views.embedded());
      projectIn.apply(kernels, views.embedded(), views.x());
    }
    if (positions != null) {
      kernels.gather(positions, step.batch().positions(), views.normed());
      kernels.add(views.normed(), views.x());
    }
    if (norm != null) {
      norm.apply(kernels, views.x(), views.x());
    }
  }
}
