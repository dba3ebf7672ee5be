package io.dejavu.tensor;

import java.util.Locale;

/// How a weight matrix is stored and in what its products are computed. Sums are always in f32 (of
/// exact integer sums of a group where both sides are integers).
///
/// @param weights `F32`, `F16`, `BF16` as they are; `I8`, `I4` symmetric with one scale per `group`
///   consecutive columns of a row, see {@link Quantisation}
/// @param activations `F32`: as they come; `BF16`: rounded to nearest even first; `I8`: quantised
///   per row and group first
/// @param group columns that share a scale, 32 or 128; 0 where nothing is quantised
public record MatrixFormat(DType weights, DType activations, int group) {
  public static final MatrixFormat F32 = new MatrixFormat(DType.F32, DType.F32, 0);
  public static final MatrixFormat F16 = new MatrixFormat(DType.F16, DType.F32, 0);

  /// bf16 weights, f32 activations: what `--dtype float32` makes of a bf16 checkpoint.
  public static final MatrixFormat BF16 = new MatrixFormat(DType.BF16, DType.F32, 0);

  /// bf16 weights, bf16 activations.
  public static final MatrixFormat BF16_BF16 = new MatrixFormat(DType.BF16, DType.BF16, 0);

  public MatrixFormat {
    var known =
        switch (weights) {
          case F32, F16 -> activations == DType.F32 && group == 0;
          case BF16 -> (activations == DType.F32 || activations == DType.BF16) && group == 0;
          case I8, I4 ->
              (activations == DType.F32 || activations == DType.I8)
                  && (group == 32 || group == 128);
          case I32 -> false;
        };
    if (!known) {
      throw new IllegalArgumentException(
          "no products of %s weights and %s activations in groups of %d"
              .formatted(weights, activations, group));
    }
  }

  /// Such as `bf16`, `bf16*bf16`, `i8:128*i8`.
  @Override
  public String toString() {
    var name = weights + (group == 0 ? "" : ":" + group);
    return (activations == DType.F32 ? name : name + "*" + activations).toLowerCase(Locale.ROOT);
  }
}
