package io.dejavu.tensor;

/// Element-wise non-linearities.
public enum Activation {
  /// `max(x, 0)`
  RELU,
  /// `x · Φ(x)` with the error function.
  GELU,
  /// `0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³)))`
  GELU_TANH,
  /// `x / (1 + e⁻ˣ)`
  SILU
}
