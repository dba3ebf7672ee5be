package io.dejavu.engine;

import java.util.Optional;

/// Rows of a prompt on their way to one vector. They come in chunks; sums are taken row by row in
/// the order of their positions, in double, so that the chunks cannot be told from the result.
final class PooledRows {
  private final Pooling pooling;
  private double[] sum = {};
  private int next;

  PooledRows(Pooling pooling) {
    this.pooling = pooling;
  }

  /// How many of the last rows of a chunk are wanted.
  ///
  /// @param ends whether the prompt ends with it
  int wanted(int count, boolean ends) {
    return switch (pooling) {
      case NONE -> 0;
      case MEAN -> count;
      case LAST -> ends ? 1 : 0;
    };
  }

  /// Takes the wanted rows of a chunk. Those taken before, which a preempted sequence computes
  /// again, are the same to the bit and not taken twice.
  ///
  /// @param start position of the first of them
  /// @param count of rows
  void add(int start, int count, float[] rows) {
    if (count == 0) {
      return;
    }
    if (pooling == Pooling.MEAN && start > next) {
      throw new IllegalStateException(
          "rows from position %d on, those from %d were not computed".formatted(start, next));
    }
    int width = rows.length / count;
    if (sum.length == 0) {
      sum = new double[width];
    }
    for (int row = Math.max(0, next - start); row < count; row++) {
      for (int i = 0; i < width; i++) {
        sum[i] += rows[row * width + i];
      }
    }
    next = Math.max(next, start + count);
  }

  /// The vector of length 1; empty if the model computed NaN or only zeros.
  Optional<float[]> vector() {
    double squares = 0;
    for (double value : sum) {
      squares += value * value;
    }
    double length = Math.sqrt(squares);
    if (!(length > 0 && length < Double.POSITIVE_INFINITY)) {
      return Optional.empty();
    }
    var vector = new float[sum.length];
    for (int i = 0; i < vector.length; i++) {
      vector[i] = (float) (sum[i] / length);
    }
    return Optional.of(vector);
  }
}
