package io.dejavu.backend.cpu;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import io.dejavu.tensor.BFloat16;
import io.dejavu.tensor.DType;
import io.dejavu.tensor.MatrixFormat;
import io.dejavu.tensor.Quantisation;

/// Where the weights of one *panel* lie: the outputs of two vectors (`width`), with all their
/// columns, as one stream in the order in which tiles read it. A panel is a sequence of steps:
///
/// | weights | columns in a step | a step's bytes                                                  |
/// |---------|-------------------|-----------------------------------------------------------------|
/// | f32     | 4                 | `[4][width]`                                                    |
/// | f16     | 8                 | `[8][width]`                                                    |
/// | bf16    | 8                 | `[4][width][2]`: pairs of columns                               |
/// | int8    | group             | `[group/4][width][4]` plus 128, then bf16 scales `[width]`      |
/// | int8, `signedPairs` | group | `[group/2][width][2]` signed, then scales                       |
/// | int4    | group             | `[group/8][width][4]` bytes plus 8: column `i` in the lower, column `4 + i` in the upper half of a byte; then scales |
///
/// Outputs and columns that the matrix does not have are zero weights.
///
/// @param vectorBytes 64 or 32
/// @param signedPairs how int8 lies
record PanelLayout(MatrixFormat format, int vectorBytes, boolean signedPairs) {
  /// Outputs of a panel.
  int width() {
    return 2 * vectorBytes / 4;
  }

  int stepColumns() {
    return switch (format.weights()) {
      case F32 -> 4;
      case F16, BF16 -> 8;
      case I8, I4 -> format.group();
      case I32 -> throw new IllegalStateException("weights in i32");
    };
  }

  /// How many steps `columns` columns take.
  int steps(int columns) {
    return Math.ceilDiv(columns, stepColumns());
  }

  int stepBytes() {
    return weightBytes() + (format.group() == 0 ? 0 : 2 * width());
  }

  private int weightBytes() {
    return stepColumns() * width() * format.weights().bits() / 8;
  }

  /// Writes one step to address `at`.
  ///
  /// @param rows the panel's outputs, `stride` floats apart; changed where they are quantised
  /// @param from first column of the step
  void write(float[] rows, int stride, int from, long at) {
    switch (format.weights()) {
      case F32 -> {
        for (int k = 0; k < stepColumns(); k++) {
          for (int n = 0; n < width(); n++) {
            Memory.set(at + 4L * (k * width() + n), rows[n * stride + from + k]);
          }
        }
      }
      case F16 -> {
        for (int k = 0; k < stepColumns(); k++) {
          for (int n = 0; n < width(); n++) {
            var half = Float.floatToFloat16(rows[n * stride + from + k]);
            Memory.ALL.set(JAVA_SHORT, at + 2L * (k * width() + n), half);
          }
        }
      }
      case BF16 -> {
        for (int k = 0; k < stepColumns(); k++) {
          for (int n = 0; n < width(); n++) {
            var half = BFloat16.fromFloat(rows[n * stride + from + k]);
            Memory.ALL.set(JAVA_SHORT, at + pair(k, n), half);
          }
        }
      }
      case I8, I4 -> writeQuantised(rows, stride, from, at);
      case I32 -> throw new IllegalStateException("weights in i32");
    }
  }

  private void writeQuantised(float[] rows, int stride, int from, long at) {
    var group = format.group();
    var integers = new byte[group];
    for (int n = 0; n < width(); n++) {
      var scale = Quantisation.weights(format.weights(), rows, n * stride + from, integers);
      Memory.ALL.set(JAVA_SHORT, at + weightBytes() + 2L * n, BFloat16.fromFloat(scale));
      if (format.weights() == DType.I4) {
        for (int k = 0; k < group; k += 8) {
          for (int i = 0; i < 4; i++) {
            var both = integers[k + i] + 8 | integers[k + 4 + i] + 8 << 4;
            Memory.ALL.set(JAVA_BYTE, at + ((long) k / 8 * width() + n) * 4 + i, (byte) both);
          }
        }
      } else {
        for (int k = 0; k < group; k++) {
          var value = signedPairs ? integers[k] : integers[k] + 128;
          Memory.ALL.set(JAVA_BYTE, at + integer(k, n), (byte) value);
        }
      }
    }
  }

  /// Column `from + k` of output `n` in the step at `at`, widened.
  float read(long at, int k, int n) {
    return switch (format.weights()) {
      case F32 -> Memory.real(at + 4L * (k * width() + n));
      case F16 -> Float.float16ToFloat(Memory.ALL.get(JAVA_SHORT, at + 2L * (k * width() + n)));
      case BF16 -> BFloat16.toFloat(Memory.ALL.get(JAVA_SHORT, at + pair(k, n)));
      case I8 -> {
        var stored = Memory.ALL.get(JAVA_BYTE, at + integer(k, n));
        yield (signedPairs ? stored : (stored & 0xff) - 128) * scale(at, n);
      }
      case I4 -> {
        var both = Memory.ALL.get(JAVA_BYTE, at + ((long) k / 8 * width() + n) * 4 + k % 4);
        yield ((both >> k / 4 % 2 * 4 & 15) - 8) * scale(at, n);
      }
      case I32 -> throw new IllegalStateException("weights in i32");
    };
  }

  private float scale(long at, int n) {
    return BFloat16.toFloat(Memory.ALL.get(JAVA_SHORT, at + weightBytes() + 2L * n));
  }

  private long pair(int k, int n) {
    return 4 * (k / 2 * (long) width() + n) + k % 2 * 2L;
  }

  private long integer(int k, int n) {
    var run = signedPairs ? 2 : 4;
    return (k / run * (long) width() + n) * run + k % run;
  }
}
