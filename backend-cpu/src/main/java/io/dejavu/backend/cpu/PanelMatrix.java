package io.dejavu.backend.cpu;

import io.dejavu.tensor.MatrixFormat;
import io.dejavu.tensor.MatrixSource;
import io.dejavu.tensor.PackedMatrix;
import java.util.Arrays;
import java.util.Objects;

/// A weight matrix in panels, see {@link PanelLayout}.
final class PanelMatrix implements PackedMatrix {
  private final PanelLayout layout;
  private final int rows;
  private final int columns;
  private final Pages pages;
  private boolean closed;

  private PanelMatrix(PanelLayout layout, int rows, int columns) {
    this.layout = layout;
    this.rows = rows;
    this.columns = columns;
    this.pages = Pages.allocate(Math.max(64, panels() * panelBytes()));
  }

  /// Reads and packs `source`, one panel a task.
  static PanelMatrix pack(MatrixSource source, PanelLayout layout, Workers workers) {
    var matrix = new PanelMatrix(layout, source.rows(), source.columns());
    var scratch = new float[workers.threads()][];
    try {
      workers.run(
          matrix.panels(),
          (panel, worker) -> {
            if (scratch[worker] == null) {
              scratch[worker] = new float[layout.width() * matrix.paddedColumns()];
            }
            matrix.packPanel(source, panel, scratch[worker]);
          });
      return matrix;
    } catch (Throwable e) {
      matrix.close();
      throw e;
    }
  }

  private void packPanel(MatrixSource source, int panel, float[] scratch) {
    var stride = paddedColumns();
    for (int n = 0; n < layout.width(); n++) {
      var row = panel * layout.width() + n;
      if (row < rows) {
        source.read(row, scratch, n * stride);
        Arrays.fill(scratch, n * stride + columns, (n + 1) * stride, 0);
      } else {
        Arrays.fill(scratch, n * stride, (n + 1) * stride, 0);
      }
    }
    for (int step = 0; step < steps(); step++) {
      var at = address() + panel * panelBytes() + (long) step * layout.stepBytes();
      layout.write(scratch, stride, step * layout.stepColumns(), at);
    }
  }

  PanelLayout layout() {
    return layout;
  }

  int panels() {
    return Math.ceilDiv(rows, layout.width());
  }

  int steps() {
    return layout.steps(columns);
  }

  int paddedColumns() {
    return steps() * layout.stepColumns();
  }

  long panelBytes() {
    return (long) steps() * layout.stepBytes();
  }

  /// The address of the first panel.
  ///
  /// @throws IllegalStateException if the matrix was closed
  long address() {
    if (closed) {
      throw new IllegalStateException("this matrix was closed: " + this);
    }
    return pages.address();
  }

  /// Writes row `row`, widened, to `target`.
  void read(int row, long target) {
    Objects.checkIndex(row, rows);
    var panel = address() + row / layout.width() * panelBytes();
    for (int column = 0; column < columns; column++) {
      var at = panel + (long) (column / layout.stepColumns()) * layout.stepBytes();
      var value = layout.read(at, column % layout.stepColumns(), row % layout.width());
      Memory.set(target + 4L * column, value);
    }
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
    return layout.format();
  }

  @Override
  public long bytes() {
    return pages.bytes();
  }

  @Override
  public String toString() {
    return "%s [%d, %d]".formatted(layout.format(), rows, columns);
  }

  @Override
  public void close() {
    if (!closed) {
      closed = true;
      pages.close();
    }
  }
}
