package io.dejavu.tensor;

import java.util.Objects;

/// A strided matrix in a {@link Buffer}: element `(r, c)` lies `r * stride + c` elements after byte
/// `offset`. A tensor `[T, H, D]` is `T` rows of `H * D` columns. A name for memory, not its owner.
///
/// @param offset first element, in bytes from the buffer's start
/// @param stride elements from one row to the next, at least `columns`
public record Tensor(Buffer buffer, long offset, DType type, int rows, int columns, int stride) {
  public Tensor {
    Objects.requireNonNull(type);
    if (rows < 0 || columns < 0 || stride < columns || offset < 0) {
      throw new IllegalArgumentException(
          "tensor [%d, %d] with stride %d at byte %d".formatted(rows, columns, stride, offset));
    }
    var end = offset + (rows == 0 ? 0 : type.bytes((rows - 1L) * stride + columns));
    if (end > buffer.bytes()) {
      throw new IllegalArgumentException(
          "tensor [%d, %d] of %s ends at byte %d, its buffer at %d"
              .formatted(rows, columns, type, end, buffer.bytes()));
    }
  }

  /// A dense tensor from the start of `buffer`.
  public static Tensor of(Buffer buffer, DType type, int rows, int columns) {
    return new Tensor(buffer, 0, type, rows, columns, columns);
  }

  /// The rows `[from, to)` of this one.
  public Tensor rows(int from, int to) {
    Objects.checkFromToIndex(from, to, rows);
    return new Tensor(
        buffer, offset + type.bytes((long) from * stride), type, to - from, columns, stride);
  }

  /// The columns `[from, to)` of this one.
  public Tensor columns(int from, int to) {
    Objects.checkFromToIndex(from, to, columns);
    return new Tensor(buffer, offset + type.bytes(from), type, rows, to - from, stride);
  }

  /// The same memory with `columns` columns a row. For `[T, H * D]` as `[T * H, D]`.
  ///
  /// @throws IllegalStateException if the rows do not touch each other
  /// @throws IllegalArgumentException if the elements do not divide
  public Tensor reshape(int columns) {
    if (stride != this.columns) {
      throw new IllegalStateException(
          "rows of %d elements lie %d apart".formatted(this.columns, stride));
    }
    var elements = (long) rows * stride;
    if (elements % columns != 0) {
      throw new IllegalArgumentException("%d elements in rows of %d".formatted(elements, columns));
    }
    return new Tensor(buffer, offset, type, Math.toIntExact(elements / columns), columns, columns);
  }

  /// @throws IllegalArgumentException naming `what` if type or shape differ
  public void require(String what, DType type, int rows, int columns) {
    if (this.type != type || this.rows != rows || this.columns != columns) {
      throw new IllegalArgumentException(
          "%s is %s [%d, %d], wanted %s [%d, %d]"
              .formatted(what, this.type, this.rows, this.columns, type, rows, columns));
    }
  }
}
