package io.dejavu.tensor;

/// Where a weight matrix comes from when {@link Kernels#pack} reads it: a checkpoint's mapped file,
/// transposed or with its rows in another order, a shard of it, or random numbers.
///
/// Rows are outputs, columns are inputs (`y = x Wᵀ`). Rows may be read from several threads at
/// once.
public interface MatrixSource {
  int rows();

  int columns();

  /// Writes row `row`, widened to f32, to `target[offset .. offset + columns())`.
  void read(int row, float[] target, int offset);
}
