package io.dejavu.backend.cpu;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import io.dejavu.tensor.BFloat16;
import io.dejavu.tensor.DType;
import io.dejavu.tensor.MatrixFormat;
import io.dejavu.tensor.MatrixSource;
import io.dejavu.tensor.PackedMatrix;
import io.dejavu.tensor.Quantisation;
import java.util.Objects;

/// A weight matrix in panels of {@link #PANEL} outputs, each of them one run of memory in the order
/// in which a product reads it. The last panel is filled up with zeros, and so is K.
///
/// | weights    | a panel, from its first byte                                              |
/// |------------|---------------------------------------------------------------------------|
/// | F32        | `[K][PANEL]` floats                                                       |
/// | F16, BF16  | `[K/2][PANEL][2]`: two successive inputs lie together                     |
/// | I8         | per group `[PANEL]` f32 scales, then `[group/4][PANEL][4]` bytes          |
/// | I4         | per group `[PANEL]` f32 scales, then `[group/8][PANEL]` ints of 8 nibbles, the first lowest |
final class JavaMatrix implements PackedMatrix {
  /// Outputs of a panel: three vectors.
  static final int PANEL = 3 * VectorMath.F.length();

  private final MatrixFormat format;
  private final int rows;
  private final int columns;
  private final int paddedColumns;
  private final long panelBytes;
  private final Pages pages;
  private boolean closed;

  private JavaMatrix(int rows, int columns, MatrixFormat format) {
    this.format = format;
    this.rows = rows;
    this.columns = columns;
    var multiple =
        switch (format.weights()) {
          case F32 -> 1;
          case F16, BF16 -> 2;
          case I8, I4 -> format.group();
          case I32 -> throw new IllegalArgumentException("weights in i32");
        };
    paddedColumns = Math.ceilDiv(columns, multiple) * multiple;
    panelBytes = format.weights().bytes((long) PANEL * paddedColumns) + 4L * PANEL * groups();
    pages = Pages.allocate(panels() * panelBytes);
  }

  /// Reads all of `source`, panels in parallel.
  static JavaMatrix pack(MatrixSource source, MatrixFormat format, Workers workers) {
    var matrix = new JavaMatrix(source.rows(), source.columns(), format);
    try {
      workers.run(
          matrix.panels(),
          (panel, _) -> {
            var row = new float[matrix.paddedColumns];
            var end = Math.min(matrix.rows, (panel + 1) * PANEL);
            for (int n = panel * PANEL; n < end; n++) {
              source.read(n, row, 0);
              matrix.write(row, matrix.panel(panel), n % PANEL);
            }
          });
      return matrix;
    } catch (Throwable e) {
      matrix.close();
      throw e;
    }
  }

  private void write(float[] row, long panel, int lane) {
    switch (format.weights()) {
      case F32 -> {
        for (int k = 0; k < columns; k++) {
          Memory.set(panel + 4L * ((long) k * PANEL + lane), row[k]);
        }
      }
      case F16 -> {
        for (int k = 0; k < columns; k++) {
          set(panel + half(k, lane), Float.floatToFloat16(row[k]));
        }
      }
      case BF16 -> {
        for (int k = 0; k < columns; k++) {
          set(panel + half(k, lane), BFloat16.fromFloat(row[k]));
        }
      }
      case I8, I4 -> writeGroups(row, panel, lane);
      case I32 -> throw new AssertionError();
    }
  }

  private void writeGroups(float[] row, long panel, int lane) {
    var nibbles = format.weights() == DType.I4;
    var group = format.group();
    var codes = new byte[group];
    for (int g = 0; g < groups(); g++) {
      var scale = Quantisation.weights(format.weights(), row, g * group, codes);
      var start = group(panel, g);
      Memory.set(start + 4L * lane, scale);
      for (int i = 0; i < group; i++) {
        if (nibbles) {
          var at = nibble(start, i, lane);
          Memory.set(at, Memory.integer(at) | (codes[i] & 15) << 4 * (i % 8));
        } else {
          Memory.ALL.set(JAVA_BYTE, octet(start, i, lane), codes[i]);
        }
      }
    }
  }

  /// Writes row `n`, widened to f32, to `address`.
  void read(int n, long address) {
    Objects.checkIndex(n, rows);
    var panel = panel(n / PANEL);
    var lane = n % PANEL;
    for (int k = 0; k < columns; k++) {
      Memory.set(address + 4L * k, weight(panel, k, lane));
    }
  }

  private float weight(long panel, int k, int lane) {
    return switch (format.weights()) {
      case F32 -> Memory.real(panel + 4L * ((long) k * PANEL + lane));
      case F16 -> Float.float16ToFloat(Memory.ALL.get(JAVA_SHORT_UNALIGNED, panel + half(k, lane)));
      case BF16 -> BFloat16.toFloat(Memory.ALL.get(JAVA_SHORT_UNALIGNED, panel + half(k, lane)));
      case I8 -> {
        var start = group(panel, k / format.group());
        yield Memory.ALL.get(JAVA_BYTE, octet(start, k % format.group(), lane))
            * Memory.real(start + 4L * lane);
      }
      case I4 -> {
        var start = group(panel, k / format.group());
        var i = k % format.group();
        yield (Memory.integer(nibble(start, i, lane)) << 28 - 4 * (i % 8) >> 28)
            * Memory.real(start + 4L * lane);
      }
      case I32 -> throw new AssertionError();
    };
  }

  private static long half(int k, int lane) {
    return 4L * ((long) (k / 2) * PANEL + lane) + 2L * (k % 2);
  }

  /// First byte of a group of quantised weights in a panel: its scales.
  long group(long panel, int group) {
    return panel + group * groupBytes();
  }

  private long groupBytes() {
    return 4L * PANEL + format.weights().bytes((long) PANEL * format.group());
  }

  private static long octet(long group, int i, int lane) {
    return group + 4L * PANEL + 4L * ((long) (i / 4) * PANEL + lane) + i % 4;
  }

  private static long nibble(long group, int i, int lane) {
    return group + 4L * PANEL + 4L * ((long) (i / 8) * PANEL + lane);
  }

  private static void set(long address, short value) {
    Memory.ALL.set(JAVA_SHORT_UNALIGNED, address, value);
  }

  int panels() {
    return Math.ceilDiv(rows, PANEL);
  }

  /// First byte of a panel.
  ///
  /// @throws IllegalStateException if the matrix was closed
  long panel(int panel) {
    if (closed) {
      throw new IllegalStateException("this matrix was closed: " + this);
    }
    return pages.address() + panel * panelBytes;
  }

  long panelBytes() {
    return panelBytes;
  }

  /// K with its zeros.
  int paddedColumns() {
    return paddedColumns;
  }

  /// 0 where nothing is quantised.
  int groups() {
    return format.group() == 0 ? 0 : paddedColumns / format.group();
  }

  @Override
  public int rows() {
    return rows;
  }

  @Override
  public int columns() {
    return columns;
  }

  @Override
  public MatrixFormat format() {
    return format;
  }

  @Override
  public long bytes() {
    return pages.bytes();
  }

  @Override
  public String toString() {
    return "%s [%d, %d]".formatted(format, rows, columns);
  }

  @Override
  public void close() {
    if (!closed) {
      closed = true;
      pages.close();
    }
  }
}
