package io.dejavu.model;

/// How a model normalises.
///
/// @param kind formula
/// @param epsilon added under the root
/// @param weighted whether it scales (and, a layer norm, shifts) afterwards
record Norm(Kind kind, float epsilon, boolean weighted) {
  enum Kind {
    /// To mean 0 and variance 1.
    LAYER,
    /// To a mean square of 1.
    RMS
  }

  static Norm layer(float epsilon) {
    return new Norm(Kind.LAYER, epsilon, true);
  }

  static Norm rms(float epsilon) {
    return new Norm(Kind.RMS, epsilon, true);
  }
}
