package io.dejavu.backend.cpu;

/// How activations are written for a tile, once per product, by the code of {@link StagingEmitter}.
enum Staging {
  /// As they are.
  FLOATS,
  /// f32 rounded to the nearest bf16, ties to even.
  ROUNDED,
  /// bf16, as `ROUNDED`; subnormals become zero.
  BFLOATS,
  /// Per group int8, their scale as f32, and as i32 minus the offset of the weights times the sum
  /// of the integers. See {@link io.dejavu.tensor.Quantisation#activations}.
  BYTES,
  /// As `BYTES`, with 16 bits for each integer.
  WORDS;

  /// Columns that are staged at a time.
  int columns(int group) {
    return group == 0 ? 16 : group;
  }

  /// Bytes of a staged row.
  int bytes(int columns, int group) {
    return switch (this) {
      case FLOATS, ROUNDED -> 4 * columns;
      case BFLOATS -> 2 * columns;
      case BYTES -> columns / group * (group + 8);
      case WORDS -> columns / group * (2 * group + 8);
    };
  }
}
