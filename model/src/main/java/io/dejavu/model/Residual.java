package io.dejavu.model;

/// How a layer's attention `A` and feed-forward `F` join the residual stream `x`, with norms `n₁`
/// and `n₂`.
enum Residual {
  /// `x += A(n₁(x)); x += F(n₂(x))`
  PRE_NORM,
  /// `x = n₁(x + A(x)); x = n₂(x + F(x))`
  POST_NORM,
  /// `x += A(n₁(x)) + F(n₂(x))`
  PARALLEL
}
