package io.dejavu.tensor;

/// A weight matrix in the layout that one backend likes, made by {@link Kernels#pack}. Only kernels
/// of the backend that made it can use it.
public interface PackedMatrix extends AutoCloseable {
  /// Outputs, `N`.
  int rows();

  /// Inputs, `K`.
  int columns();

  MatrixFormat format();

  /// Bytes it occupies, padding and scales included.
  long bytes();

  @Override
  void close();
}
