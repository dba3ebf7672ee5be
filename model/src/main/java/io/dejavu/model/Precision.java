package io.dejavu.model;

import io.dejavu.tensor.DType;
import io.dejavu.tensor.MatrixFormat;

/// In what a model's weights are kept and its matrix products computed: `--dtype` and `--weights`.
/// Sums, norms, softmax and the residual stream are f32 always.
///
/// | `--dtype`  | weights as stored        | activations in products | keys and values            |
/// |------------|--------------------------|-------------------------|----------------------------|
/// | `auto`     | as stored                | bf16 if weights are     | bf16 if weights are        |
/// | `float32`  | as stored, exactly       | f32                     | f32                        |
/// | `bfloat16` | rounded to bf16          | bf16                    | bf16                       |
///
/// With `--weights int8|int4` the matrices of attention, feed-forward and output (the token
/// embedding too, where it is the same matrix) are quantised at load, and multiplied by activations
/// quantised to 8 bits in the same groups; by f32 ones with `float32`. An embedding table of its
/// own stays as stored: a step reads one row of it per token, so its size costs no time.
///
/// @param group columns that share a scale, 32 or 128; matrices whose width 128 does not divide
///   take 32
public record Precision(Compute compute, Storage storage, int group) {
  /// What `--dtype` says.
  public enum Compute {
    AUTO,
    FLOAT32,
    BFLOAT16
  }

  /// What `--weights` says.
  public enum Storage {
    STORED,
    INT8,
    INT4
  }

  public static final Precision AUTO = new Precision(Compute.AUTO, Storage.STORED, 128);
  public static final Precision FLOAT32 = new Precision(Compute.FLOAT32, Storage.STORED, 128);
  public static final Precision BFLOAT16 = new Precision(Compute.BFLOAT16, Storage.STORED, 128);

  public Precision {
    if (group != 32 && group != 128) {
      throw new IllegalArgumentException(
          "groups of %d weights, must be 32 or 128".formatted(group));
    }
  }

  /// Reads the two options.
  ///
  /// @param dtype `auto`, `float32` or `bfloat16`
  /// @param weights `stored`, `int8`, `int4`, or one of the last two with `:32` or `:128`
  /// @throws IllegalArgumentException naming the option and what it may be
  public static Precision parse(String dtype, String weights) {
    var compute =
        switch (dtype) {
          case "auto" -> Compute.AUTO;
          case "float32" -> Compute.FLOAT32;
          case "bfloat16" -> Compute.BFLOAT16;
          default ->
              throw new IllegalArgumentException(
                  "--dtype is auto, float32 or bfloat16, not " + dtype);
        };
    return switch (weights) {
      case "stored" -> new Precision(compute, Storage.STORED, 128);
      case "int8", "int8:128" -> new Precision(compute, Storage.INT8, 128);
      case "int8:32" -> new Precision(compute, Storage.INT8, 32);
      case "int4:128" -> new Precision(compute, Storage.INT4, 128);
      case "int4", "int4:32" -> new Precision(compute, Storage.INT4, 32);
      default ->
          throw new IllegalArgumentException(
              "--weights is stored, int8 or int4, the last two with :32 or :128, not " + weights);
    };
  }

  /// Of a matrix of attention, feed-forward or output.
  ///
  /// @param stored the checkpoint's type
  public MatrixFormat matrix(DType stored, int columns) {
    var activations = compute == Compute.FLOAT32 ? DType.F32 : DType.I8;
    var columnsPerScale = columns % 128 == 0 ? group : 32;
    return switch (storage) {
      case STORED -> table(stored);
      case INT8 -> new MatrixFormat(DType.I8, activations, columnsPerScale);
      case INT4 -> new MatrixFormat(DType.I4, activations, columnsPerScale);
    };
  }

  /// Of a matrix that is never quantised.
  MatrixFormat table(DType stored) {
    return switch (compute) {
      case BFLOAT16 -> MatrixFormat.BF16_BF16;
      case FLOAT32 -> exactly(stored);
      case AUTO -> stored == DType.BF16 ? MatrixFormat.BF16_BF16 : exactly(stored);
    };
  }

  /// Of keys and values.
  ///
  /// @param stored the checkpoint's type
  DType kv(DType stored) {
    return switch (compute) {
      case BFLOAT16 -> DType.BF16;
      case FLOAT32 -> DType.F32;
      case AUTO -> stored == DType.BF16 ? DType.BF16 : DType.F32;
    };
  }

  private static MatrixFormat exactly(DType stored) {
    return switch (stored) {
      case F32 -> MatrixFormat.F32;
      case F16 -> MatrixFormat.F16;
      case BF16 -> MatrixFormat.BF16;
      case I32, I8, I4 -> throw new IllegalArgumentException("weights stored as " + stored);
    };
  }
}
