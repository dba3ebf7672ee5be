package io.dejavu.model;

import static java.util.Objects.requireNonNull;

import io.dejavu.tensor.Kernels;
import io.dejavu.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/// A norm with its weights on the device.
record NormWeights(Norm norm, @Nullable Tensor weight, @Nullable Tensor bias) {
  /// `out = norm(x)`; `out` may be `x`.
  void apply(Kernels kernels, Tensor x, Tensor out) {
    switch (norm.kind()) {
      case LAYER -> kernels.layerNorm(x, weight, bias, norm.epsilon(), out);
      case RMS -> kernels.rmsNorm(x, requireNonNull(weight), norm.epsilon(), out);
    }
  }
}
