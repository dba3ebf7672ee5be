package io.dejavu.backend.cpu;

import io.dejavu.tensor.MatrixFormat;
import io.dejavu.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/// One product of staged activations with a packed matrix, in tasks that threads take one by one.
///
/// A task is a *block* of rows, which with a part of its columns fits the second-level cache, times
/// a few neighbouring panels. It goes over the columns in parts, over its panels, over *chunks* of
/// a panel that fit the first-level cache, and over the tiles of its rows; sums wait in scratch
/// memory meanwhile. None of these choices changes what is added to an output, or in what order.
final class PanelProduct implements Workers.Task {
  private static final int BLOCK_ROWS = 128;
  private static final int BLOCK_BYTES = 384 << 10;

  /// What a few tiles read again from the first-level cache, while the next chunk comes from
  /// memory.
  private static final int CHUNK_BYTES = 8 << 10;

  /// From so many on, reading a panel from memory takes little of the time, and long runs pay more.
  private static final int MANY_TILES = 4;

  /// The piece of a panel that is widened at a time: with the activations of a block, it fits the
  /// second-level cache.
  private static final int WIDENED_BYTES = 128 << 10;

  private static final int MOST_PANELS = 8;
  private static final int TASKS_PER_THREAD = 8;

  /// Products of two numbers below which a second thread is not worth its start.
  private static final long WORTH_SHARING = 1 << 17;

  /// How far in front of the weights being read a lone tile prefetches.
  private static final int AHEAD_BYTES = 4096;

  private final PanelMatrix matrix;
  private final int width;
  private final int rows;
  private final long staged;
  private final long stagedStride;
  private final int stagedStepBytes;

  /// Tiles of `rows / tiles` rows, rounded down or up.
  private final int tiles;

  private final int blocks;
  private final int lines;

  /// Null: tiles read the matrix itself.
  private final @Nullable MemorySegment widen;

  private final CodeProducts.Tile small;
  private final CodeProducts.Tile large;
  private final MemorySegment finish;

  private final @Nullable Tensor bias;
  private final Tensor out;
  private final boolean accumulate;

  private final Scratch sums;
  private final Scratch widened;
  private final Calls[] calls;
  private int panelsPerTask;

  /// @param activations staged rows
  PanelProduct(
      CodeProducts products,
      PanelMatrix matrix,
      long activations,
      @Nullable Tensor bias,
      Tensor out,
      boolean accumulate,
      Scratch sums,
      Scratch widened,
      Calls[] calls) {
    var format = matrix.format();
    var family = products.family();
    this.matrix = matrix;
    this.width = matrix.layout().width();
    this.rows = out.rows();
    this.staged = activations;
    this.stagedStride = products.stagedStride(matrix);
    this.stagedStepBytes =
        family.staging(format).bytes(matrix.layout().stepColumns(), format.group());
    this.tiles = Math.ceilDiv(rows, family.maxRows(format));
    this.blocks = Math.ceilDiv(tiles, Math.max(1, BLOCK_ROWS / family.maxRows(format)));
    var stepLines = Math.ceilDiv(matrix.layout().stepBytes(), 64);
    var tilesPerBlock = Math.ceilDiv(tiles, blocks);
    this.widen = tilesPerBlock < MANY_TILES ? null : products.widening(format);
    this.lines = widen == null ? Math.ceilDiv(stepLines, tilesPerBlock) : 1;
    var tileFormat = widen == null ? format : MatrixFormat.F32;
    this.small = products.tile(tileFormat, rows / tiles, lines);
    this.large = products.tile(tileFormat, Math.ceilDiv(rows, tiles), lines);
    this.finish = products.finish(bias != null, accumulate);
    this.bias = bias;
    this.out = out;
    this.accumulate = accumulate;
    this.sums = sums;
    this.widened = widened;
    this.calls = calls;
  }

  void run(Workers workers) {
    var wanted = workers.threads() * TASKS_PER_THREAD;
    panelsPerTask = Math.clamp(matrix.panels() * blocks / wanted, 1, MOST_PANELS);
    sums.reserve(sumBytes());
    if (widen != null) {
      widened.reserve(WIDENED_BYTES);
    }
    var tasks = blocks * tasksPerBlock();
    if ((long) rows * matrix.rows() * matrix.columns() < WORTH_SHARING) {
      for (int task = 0; task < tasks; task++) {
        run(task, 0);
      }
    } else {
      workers.run(tasks, this);
    }
  }

  private int tasksPerBlock() {
    return Math.ceilDiv(matrix.panels(), panelsPerTask);
  }

  /// First row of a tile; that of tile `tiles` is the end.
  private int row(int tile) {
    return (int) ((long) rows * tile / tiles);
  }

  /// First tile of a block.
  private int tile(int block) {
    return (int) ((long) tiles * block / blocks);
  }

  /// Scratch memory of one thread: `[panelsPerTask][rows of a block][width]`.
  private long sumBytes() {
    var most = Math.ceilDiv(tiles, blocks) * Math.ceilDiv(rows, tiles);
    return 4L * panelsPerTask * most * width;
  }

  @Override
  public void run(int index, int worker) {
    var block = index / tasksPerBlock();
    var firstPanel = index % tasksPerBlock() * panelsPerTask;
    var endPanel = Math.min(firstPanel + panelsPerTask, matrix.panels());
    var firstTile = tile(block);
    var endTile = tile(block + 1);
    var blockRows = row(endTile) - row(firstTile);
    var panelSums = 4L * blockRows * width;
    var mine = sums.of(worker);
    var list = calls[worker];

    var steps = matrix.steps();
    var partSteps = Math.max(1, BLOCK_BYTES / (blockRows * stagedStepBytes));
    for (int from = 0; from < steps; from += partSteps) {
      var to = Math.min(from + partSteps, steps);
      for (int panel = firstPanel; panel < endPanel; panel++) {
        var into = mine + (panel - firstPanel) * panelSums;
        part(panel, from, to, firstTile, endTile, into, widened.of(worker), list);
        if (to == steps) {
          finish(panel, row(firstTile), blockRows, into, list);
        }
      }
    }
    list.run();
  }

  /// Adds the steps `[from, to)` of one panel.
  private void part(
      int panel,
      int from,
      int to,
      int firstTile,
      int endTile,
      long into,
      long scratch,
      Calls list) {
    var stepBytes = matrix.layout().stepBytes();
    var weights = matrix.address() + panel * matrix.panelBytes();
    var lone = endTile - firstTile == 1;
    var chunk = chunk(endTile - firstTile, to - from);
    for (int step = from; step < to; step += chunk) {
      var count = Math.min(chunk, to - step);
      var at = weights + (long) step * stepBytes;
      var ahead = lone ? at + stepBytes + AHEAD_BYTES : at + (long) count * stepBytes;
      if (widen != null) {
        list.add(widen, at, scratch, count, 0, 0, 0);
        at = scratch;
        count *= 2; // an f32 step has half the columns
      }
      for (int tile = firstTile; tile < endTile; tile++) {
        var row = row(tile);
        var code = row(tile + 1) - row > rows / tiles ? large : small;
        list.add(
            step == 0 ? code.start() : code.resume(),
            staged + row * stagedStride + (long) step * stagedStepBytes,
            stagedStride,
            at,
            count,
            into + 4L * (row - row(firstTile)) * width,
            ahead + 64L * lines * count * (tile - firstTile));
      }
    }
  }

  /// How many steps the tiles of a block do in turn.
  private int chunk(int tilesOfBlock, int steps) {
    var stepBytes = matrix.layout().stepBytes();
    if (widen != null) {
      return WIDENED_BYTES / (2 * stepBytes);
    }
    var few = tilesOfBlock > 1 && tilesOfBlock < MANY_TILES;
    return few ? Math.max(1, CHUNK_BYTES / stepBytes) : steps;
  }

  private void finish(int panel, int firstRow, int count, long from, Calls list) {
    var column = panel * width;
    if (column + width <= matrix.rows()) {
      var target = Memory.address(out) + 4L * ((long) firstRow * out.stride() + column);
      var added = bias == null ? 0 : Memory.address(bias) + 4L * column;
      list.add(finish, from, target, 4L * out.stride(), count, added, 0);
    } else {
      list.run();
      finishLast(column, firstRow, count, from);
    }
  }

  /// As the code does, for the panel in which the matrix ends.
  private void finishLast(int column, int firstRow, int count, long from) {
    for (int row = 0; row < count; row++) {
      for (int n = column; n < matrix.rows(); n++) {
        var sum = Memory.real(from + 4L * (row * width + n - column));
        if (bias != null) {
          sum += Memory.real(Memory.address(bias) + 4L * n);
        }
        var at = Memory.address(out) + 4L * ((long) (firstRow + row) * out.stride() + n);
        Memory.set(at, accumulate ? Memory.real(at) + sum : sum);
      }
    }
  }
}
