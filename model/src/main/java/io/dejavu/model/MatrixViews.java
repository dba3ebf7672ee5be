package io.dejavu.model;

import io.dejavu.tensor.MatrixSource;
import java.util.List;
import java.util.stream.IntStream;

/// Matrices made of others: rows in another order, several as one, a shard's columns, transposed.
final class MatrixViews {
  private MatrixViews() {}

  /// Row `r` is row `rows[r]` of `source`.
  static MatrixSource rows(MatrixSource source, int[] rows) {
    for (int row : rows) {
      if (row < 0 || row >= source.rows()) {
        throw new IllegalArgumentException("row %d of %d".formatted(row, source.rows()));
      }
    }
    return new Reordered(source, rows);
  }

  /// The columns `[from, to)`.
  static MatrixSource columns(MatrixSource source, int from, int to) {
    if (from == 0 && to == source.columns()) {
      return source;
    }
    if (from < 0 || to < from || to > source.columns()) {
      throw new IllegalArgumentException(
          "columns [%d, %d) of %d".formatted(from, to, source.columns()));
    }
    return new Columns(source, from, to);
  }

  /// All rows of the first, then of the second, …
  static MatrixSource stacked(List<MatrixSource> sources) {
    if (sources.size() == 1) {
      return sources.getFirst();
    }
    for (var source : sources) {
      if (source.columns() != sources.getFirst().columns()) {
        throw new IllegalArgumentException(
            "%d columns below %d".formatted(source.columns(), sources.getFirst().columns()));
      }
    }
    return new Stacked(List.copyOf(sources));
  }

  /// Rows become columns. Reads all of `source` at once, into the heap.
  static MatrixSource transposed(MatrixSource source) {
    var columns = new float[source.columns()][source.rows()];
    IntStream.range(0, Math.ceilDiv(source.rows(), Transposed.TILE))
        .parallel()
        .forEach(tile -> Transposed.copy(source, tile * Transposed.TILE, columns));
    return new Transposed(columns, source.rows());
  }

  private record Reordered(MatrixSource source, int[] order) implements MatrixSource {
    @Override
    public int rows() {
      return order.length;
    }

    @Override
    public int columns() {
      return source.columns();
    }

    @Override
    public void read(int row, float[] target, int offset) {
      source.read(order[row], target, offset);
    }
  }

  private record Columns(MatrixSource source, int from, int to) implements MatrixSource {
    @Override
    public int rows() {
      return source.rows();
    }

    @Override
    public int columns() {
      return to - from;
    }

    @Override
    public void read(int row, float[] target, int offset) {
      var whole = new float[source.columns()];
      source.read(row, whole, 0);
      System.arraycopy(whole, from, target, offset, to - from);
    }
  }

  private record Stacked(List<MatrixSource> sources) implements MatrixSource {
    @Override
    public int rows() {
      return sources.stream().mapToInt(MatrixSource::rows).sum();
    }

    @Override
    public int columns() {
      return sources.getFirst().columns();
    }

    @Override
    public void read(int row, float[] target, int offset) {
      var left = row;
      for (var source : sources) {
        if (left < source.rows()) {
          source.read(left, target, offset);
          return;
        }
        left -= source.rows();
      }
      throw new IndexOutOfBoundsException("row %d of %d".formatted(row, rows()));
    }
  }

  private record Transposed(float[][] values, int columns) implements MatrixSource {
    /// Rows read together, so that a cache line of the result is written as a whole.
    static final int TILE = 16;

    static void copy(MatrixSource source, int first, float[][] columns) {
      var count = Math.min(TILE, source.rows() - first);
      var tile = new float[count][columns.length];
      for (int i = 0; i < count; i++) {
        source.read(first + i, tile[i], 0);
      }
      for (int c = 0; c < columns.length; c++) {
        for (int i = 0; i < count; i++) {
          columns[c][first + i] = tile[i][c];
        }
      }
    }

    @Override
    public int rows() {
      return values.length;
    }

    @Override
    public void read(int row, float[] target, int offset) {
      System.arraycopy(values[row], 0, target, offset, columns);
    }
  }
}
