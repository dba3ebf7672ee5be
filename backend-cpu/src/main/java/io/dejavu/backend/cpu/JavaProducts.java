package io.dejavu.backend.cpu;

import static io.dejavu.backend.cpu.JavaMatrix.PANEL;

import io.dejavu.tensor.DType;
import io.dejavu.tensor.MatrixFormat;
import io.dejavu.tensor.MatrixSource;
import io.dejavu.tensor.PackedMatrix;
import io.dejavu.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/// Matrix products with the Vector API, for every format and on every CPU.
///
/// Rows of `x` are copied into blocks of 8 (4 where vectors have 16 registers), the last block
/// filled up with zeros, and each block is multiplied with each panel of weights, which are widened
/// in registers on their way, or, quantised ones, once for all blocks where there are many.
final class JavaProducts implements MatrixProducts {
  static final String NAME = "java";

  /// Rows that the registers hold accumulators for.
  private static final int BLOCK =
      VectorMath.F.length() == 16 || System.getProperty("os.arch").equals("aarch64") ? 8 : 4;

  /// Products below which a second thread is not worth its start.
  private static final long WORTH_SHARING = 1 << 17;

  /// Bytes of weights that are worth the claiming of a task.
  private static final long TASK_BYTES = 64 << 10;

  /// Rows of a task where there are many: with the weights of a panel, they fit the L2 cache.
  private static final int TASK_ROWS = 128;

  /// Rows from which on quantised weights are widened beforehand.
  private static final int WORTH_WIDENING = 24;

  private final Workers workers;
  private final Scratch tiles; // unfinished outputs and widened weights, for each worker
  private final Scratch rows = new Scratch(1); // blocks of x

  JavaProducts(Workers workers) {
    this.workers = workers;
    tiles = new Scratch(workers.threads());
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public PackedMatrix pack(MatrixSource source, MatrixFormat format) {
    return JavaMatrix.pack(source, format, workers);
  }

  @Override
  public void read(PackedMatrix w, int row, long address) {
    ((JavaMatrix) w).read(row, address);
  }

  @Override
  public void multiply(
      Tensor x, PackedMatrix w, @Nullable Tensor bias, Tensor out, boolean accumulate) {
    var matrix = (JavaMatrix) w;
    var widen = matrix.groups() > 0 && BLOCK == 8 && x.rows() >= WORTH_WIDENING;
    var most = matrix.groups() > 0 && !widen ? 4 : BLOCK;
    var blocks = new RowBlocks(x.rows(), most, matrix.paddedColumns(), matrix.groups());
    rows.reserve(blocks.bytes());
    var wide = widen ? matrix.paddedColumns() + matrix.groups() : 0;
    tiles.reserve(4L * PANEL * (BLOCK + wide));
    var small = (long) x.rows() * matrix.rows() * matrix.columns() < WORTH_SHARING;

    var a = rows.of(0);
    run(small, blocks.count(), (block, _) -> blocks.fill(x, matrix.format(), block, a));

    var chunk = (int) Math.max(1, TASK_BYTES / matrix.panelBytes());
    var chunks = Math.ceilDiv(matrix.panels(), chunk);
    var blocksOfTask = TASK_ROWS / most;
    var end = Target.of(bias, out, accumulate);
    run(
        small,
        chunks * Math.ceilDiv(blocks.count(), blocksOfTask),
        (task, worker) -> {
          var tile = tiles.of(worker);
          var from = task / chunks * blocksOfTask;
          var to = Math.min(from + blocksOfTask, blocks.count());
          var last = Math.min((task % chunks + 1) * chunk, matrix.panels());
          for (int panel = task % chunks * chunk; panel < last; panel++) {
            multiply(matrix, panel, blocks, from, to, a, widen, tile, end);
          }
        });
  }

  private void run(boolean alone, int tasks, Workers.Task task) {
    if (alone) {
      for (int i = 0; i < tasks; i++) {
        task.run(i, 0);
      }
    } else {
      workers.run(tasks, task);
    }
  }

  private static void multiply(
      JavaMatrix matrix,
      int panel,
      RowBlocks blocks,
      int from,
      int to,
      long a,
      boolean widen,
      long tile,
      Target end) {
    var weights = matrix.panel(panel);
    var wide = widen ? tile + 4L * PANEL * BLOCK : 0;
    if (widen) {
      Widening.panel(matrix, weights, wide);
    }
    var columns = Math.min(PANEL, matrix.rows() - panel * PANEL);
    for (int block = from; block < to; block++) {
      TileKernels.zero(tile, PANEL * BLOCK);
      var size = blocks.size(block);
      var x = a + blocks.values(block);
      var s = a + blocks.scales(block);
      if (matrix.groups() == 0) {
        whole(matrix, size, x, weights, tile);
      } else {
        grouped(matrix, size, x, s, weights, wide, tile);
      }
      var rows = Math.min(size, blocks.rows() - blocks.first(block));
      end.write(tile, blocks.first(block), rows, panel * PANEL, columns);
    }
  }

  private static void whole(JavaMatrix matrix, int size, long a, long b, long tile) {
    var k = matrix.paddedColumns();
    switch (matrix.format().weights()) {
      case F32 -> {
        switch (size) {
          case 1 -> PanelKernels.f32x1(a, b, k, tile);
          case 4 -> PanelKernels.f32x4(a, b, k, tile);
          default -> PanelKernels.f32x8(a, b, k, tile);
        }
      }
      case BF16 -> {
        switch (size) {
          case 1 -> PanelKernels.bf16x1(a, b, k, tile);
          case 4 -> PanelKernels.bf16x4(a, b, k, tile);
          default -> PanelKernels.bf16x8(a, b, k, tile);
        }
      }
      case F16 -> {
        switch (size) {
          case 1 -> PanelKernels.f16x1(a, b, k, tile);
          case 4 -> PanelKernels.f16x4(a, b, k, tile);
          default -> PanelKernels.f16x8(a, b, k, tile);
        }
      }
      case I8, I4, I32 -> throw new AssertionError(matrix.format());
    }
  }

  private static void grouped(
      JavaMatrix matrix, int size, long a, long s, long b, long wide, long tile) {
    var groups = matrix.groups();
    var group = matrix.format().group();
    if (size == 8) {
      var integers = wide + 4L * PANEL * groups;
      GroupKernels.f32x8(a, s, integers, wide, groups, group, tile);
    } else if (matrix.format().weights() == DType.I8) {
      switch (size) {
        case 1 -> GroupKernels.i8x1(a, s, b, groups, group, tile);
        default -> GroupKernels.i8x4(a, s, b, groups, group, tile);
      }
    } else {
      switch (size) {
        case 1 -> GroupKernels.i4x1(a, s, b, groups, group, tile);
        default -> GroupKernels.i4x4(a, s, b, groups, group, tile);
      }
    }
  }

  @Override
  public void close() {
    tiles.close();
    rows.close();
  }

  /// Where finished tiles go.
  private record Target(long bias, long out, long stride, boolean accumulate) {
    static Target of(@Nullable Tensor bias, Tensor out, boolean accumulate) {
      return new Target(
          bias == null ? 0 : Memory.address(bias),
          Memory.address(out),
          Memory.stride(out),
          accumulate);
    }

    void write(long tile, int row, int rows, int column, int columns) {
      for (int r = 0; r < rows; r++) {
        TileKernels.write(
            tile + 4L * r * PANEL,
            bias == 0 ? 0 : bias + 4L * column,
            out + (row + r) * stride + 4L * column,
            columns,
            accumulate);
      }
    }
  }
}
