package io.dejavu.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import io.dejavu.tensor.DType;
import io.dejavu.tensor.MatrixFormat;
import io.dejavu.tensor.MatrixSource;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/// The part of {@link KernelsContract} about weight matrices.
public interface ProductsContract extends Comparison {
  /// All formats there are; a backend may refuse some.
  static List<MatrixFormat> formats() {
    var formats = new ArrayList<MatrixFormat>();
    formats.add(MatrixFormat.F32);
    formats.add(MatrixFormat.F16);
    formats.add(MatrixFormat.BF16);
    formats.add(MatrixFormat.BF16_BF16);
    for (var weights : new DType[] {DType.I8, DType.I4}) {
      for (var activations : new DType[] {DType.F32, DType.I8}) {
        for (var group : new int[] {32, 128}) {
          formats.add(new MatrixFormat(weights, activations, group));
        }
      }
    }
    return formats;
  }

  /// The formats that this backend has.
  private List<MatrixFormat> supported() {
    var supported = new ArrayList<MatrixFormat>();
    try (var kernels = open(1)) {
      for (var format : formats()) {
        try (var tensors = new TestTensors(kernels, false)) {
          tensors.matrix(1, 1, 1, format);
          supported.add(format);
        } catch (UnsupportedOperationException _) {
          // The contract allows it.
        }
      }
    }
    assertThat(supported).contains(MatrixFormat.F32);
    return supported;
  }

  @Test
  default void productsOfEveryShape() {
    for (var format : supported()) {
      for (int inputs : new int[] {1, 2, 31, 32, 33, 129, 301}) {
        for (int outputs : new int[] {1, 7, 16, 48, 49, 97}) {
          for (int rows : new int[] {0, 1, 2, 5, 8, 13, 33}) {
            var accumulate = (rows + outputs) % 2 == 0;
            var biased = (inputs + outputs) % 3 != 0;
            assertAgrees(
                "%s [%d, %d] × [%d, %d]ᵀ%s%s"
                    .formatted(
                        format,
                        rows,
                        inputs,
                        outputs,
                        inputs,
                        biased ? " + bias" : "",
                        accumulate ? ", added" : ""),
                tolerance(format, inputs),
                t -> {
                  var out = accumulate ? t.random(4, rows, outputs) : t.room(rows, outputs);
                  var matrix = t.matrix(2, outputs, inputs, format);
                  var bias = biased ? t.random(3, 1, outputs) : null;
                  t.kernels().linear(t.random(1, rows, inputs), matrix, bias, out, accumulate);
                  return out;
                });
          }
        }
      }
    }
  }

  @Test
  default void longProducts() {
    for (var format : supported()) {
      assertAgrees(
          format + " of 4099",
          tolerance(format, 4099),
          t -> {
            var out = t.room(9, 100);
            var matrix = t.matrix(2, 100, 4099, format);
            t.kernels().linear(t.random(1, 9, 4099), matrix, null, out, false);
            return out;
          });
    }
  }

  /// Numbers are in [-1, 1): after K products the sum is about √K / 3, and has been rounded to f32
  /// K times.
  private static double tolerance(MatrixFormat format, int inputs) {
    // Weights times activations in bf16 may be summed in pairs by one instruction.
    var unit = format.activations() == DType.BF16 ? 2e-7 : 1e-7;
    return unit * (20 + inputs);
  }

  @Test
  default void aRowOfAProductStandsAlone() {
    for (var format : supported()) {
      assertRowsStandAlone(
          format.toString(),
          (t, from, rows) -> {
            var out = t.random(4, from, rows, 130);
            var matrix = t.matrix(2, 130, 161, format);
            t.kernels()
                .linear(t.random(1, from, rows, 161), matrix, t.random(3, 1, 130), out, true);
            return out;
          });
    }
  }

  @Test
  default void gatherGivesTheWeightsThatProductsUse() {
    for (var format : supported()) {
      for (int columns : new int[] {1, 31, 32, 33, 129, 300}) {
        assertAgrees(
            "gather of %d in %s".formatted(columns, format),
            0,
            t -> {
              var out = t.room(6, columns);
              t.kernels()
                  .gather(t.matrix(2, 101, columns, format), t.ints(100, 0, 47, 48, 48, 3), out);
              return out;
            });
      }
    }
  }

  @Test
  default void aMatrixTellsItsShape() {
    for (var format : supported()) {
      try (var kernels = open(1);
          var tensors = new TestTensors(kernels, false)) {
        var matrix = tensors.matrix(1, 50, 70, format);

        assertThat(matrix.rows()).isEqualTo(50);
        assertThat(matrix.columns()).isEqualTo(70);
        assertThat(matrix.format()).isEqualTo(format);
        assertThat(matrix.bytes()).isGreaterThanOrEqualTo(format.weights().bytes(50 * 70));
      }
    }
  }

  @Test
  default void weightsOfAnySizeKeepTheirValues() {
    // Subnormals of 16 bits, the largest, zeros of both signs.
    var values = new float[] {0, -0f, 5.9e-8f, -6.1e-5f, 65504, -65504, 1e-30f, 3e38f, 1, -1f / 3};
    for (var format : List.of(MatrixFormat.F32, MatrixFormat.F16, MatrixFormat.BF16)) {
      assertAgrees(
          "special values in " + format,
          0,
          t -> {
            var used = format.equals(MatrixFormat.F16) ? 6 : values.length;
            var matrix =
                t.own(
                    t.kernels()
                        .pack(
                            new MatrixSource() {
                              @Override
                              public int rows() {
                                return used;
                              }

                              @Override
                              public int columns() {
                                return 1;
                              }

                              @Override
                              public void read(int row, float[] target, int offset) {
                                target[offset] = values[row];
                              }
                            },
                            format));
            var out = t.room(1, used);
            t.kernels().linear(t.floats(new float[][] {{1}}, 1), matrix, null, out, false);
            return out;
          });
    }
  }
}
