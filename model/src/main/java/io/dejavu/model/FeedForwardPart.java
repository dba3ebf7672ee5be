package io.dejavu.model;

import io.dejavu.tensor.Activation;
import io.dejavu.tensor.Kernels;
import io.dejavu.tensor.Tensor;

/// A layer's feed-forward up to, and without, its down matrix: `f(W_gate x) · W_up x`, or `f(W_up
/// x)`.
///
/// @param up the up matrix; with a gate, the gate's rows above it
record FeedForwardPart(LinearWeights up, boolean gate, Activation activation) {
  /// @param in [T, M]
  /// @return [T, F]
  Tensor compute(Kernels kernels, Tensor in, Workspace.Views views) {
    up.apply(kernels, in, views.up());
    if (gate) {
      kernels.activateGated(views.up(), activation, views.gated());
    } else {
      kernels.activate(views.up(), activation);
    }
    return views.gated();
  }
}
