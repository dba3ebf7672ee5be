package io.dejavu.model;

import io.dejavu.tensor.Kernels;
import io.dejavu.tensor.PackedMatrix;
import io.dejavu.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/// A linear layer with its weights on the device.
record LinearWeights(PackedMatrix matrix, @Nullable Tensor bias) {
  /// `out = x Wᵀ + bias`
  void apply(Kernels kernels, Tensor x, Tensor out) {
    kernels.linear(x, matrix, bias, out, false);
  }

  /// `out += x Wᵀ + bias`
  void addTo(Kernels kernels, Tensor x, Tensor out) {
    kernels.linear(x, matrix, bias, out, true);
  }
}
