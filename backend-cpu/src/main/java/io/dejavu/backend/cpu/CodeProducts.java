package io.dejavu.backend.cpu;

import io.dejavu.tensor.DType;
import io.dejavu.tensor.MatrixFormat;
import io.dejavu.tensor.MatrixSource;
import io.dejavu.tensor.PackedMatrix;
import io.dejavu.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Matrix products in machine code that is written when it is first needed, as oneDNN and libxsmm
/// do.
///
/// Activations are staged once ({@link Staging}), then {@link PanelProduct} goes over the panels of
/// the weights ({@link PanelLayout}) with tiles ({@link TileEmitter}).
final class CodeProducts implements MatrixProducts {
  /// Below this many activations the caller stages them alone, which is faster than sharing.
  private static final int STAGED_ALONE = 16 * 1024;

  private static final int STAGED_ROWS = 8;

  /// See {@link Staging#columns}.
  private static final int MOST_STEP_COLUMNS = 128;

  /// A tile in memory.
  record Tile(MemorySegment start, MemorySegment resume) {}

  private record TileKind(MatrixFormat format, int rows, int lines) {}

  private record FinishKind(boolean bias, boolean accumulate) {}

  private final KernelFamily family;
  private final Workers workers;
  private final CodeMemory code = new CodeMemory();
  private final Map<TileKind, Tile> tiles = new HashMap<>();
  private final Map<FinishKind, MemorySegment> finishes = new HashMap<>();
  private final Map<MatrixFormat, MemorySegment> stagings = new HashMap<>();
  private final Map<DType, MemorySegment> widenings = new EnumMap<>(DType.class);
  private final Scratch staged = new Scratch(1);
  private final Scratch sums;
  private final Scratch tails;
  private final Scratch widened;
  private final Scratch lists;
  private final Calls[] calls;

  /// @throws UnsupportedOperationException naming what the machine lacks for `family`
  CodeProducts(KernelFamily family, Workers workers) {
    family.require(CpuFeatures.ofThisMachine());
    this.family = family;
    this.workers = workers;
    this.sums = new Scratch(workers.threads());
    this.tails = new Scratch(workers.threads());
    this.widened = new Scratch(workers.threads());
    this.lists = new Scratch(workers.threads());
    this.calls = new Calls[workers.threads()];
    lists.reserve(Calls.BYTES);
    var runner = code.add(Calls.emitRunner());
    Arrays.setAll(calls, worker -> new Calls(runner, lists.of(worker)));
  }

  @Override
  public String name() {
    return family.label();
  }

  @Override
  public PackedMatrix pack(MatrixSource source, MatrixFormat format) {
    return PanelMatrix.pack(source, family.layout(format), workers);
  }

  @Override
  public void multiply(
      Tensor x, PackedMatrix w, @Nullable Tensor bias, Tensor out, boolean accumulate) {
    var matrix = panels(w);
    x.require("x", DType.F32, x.rows(), w.columns());
    out.require("out", DType.F32, x.rows(), w.rows());
    if (bias != null) {
      bias.require("bias", DType.F32, 1, w.rows());
    }
    if (x.rows() == 0 || w.rows() == 0) {
      return;
    }
    stage(x, matrix);
    new PanelProduct(this, matrix, staged.of(0), bias, out, accumulate, sums, widened, calls)
        .run(workers);
  }

  /// Bytes from one staged row to the next: an odd number of cache lines, so that the rows of a
  /// tile do not fall on the same places of the first-level cache.
  long stagedStride(PanelMatrix matrix) {
    var group = matrix.format().group();
    var staging = family.staging(matrix.format());
    var step = staging.columns(group);
    var bytes = staging.bytes(Math.ceilDiv(matrix.columns(), step) * step, group);
    return 128L * (Math.ceilDiv(bytes, 64) / 2) + 64;
  }

  private void stage(Tensor x, PanelMatrix matrix) {
    var code = staging(matrix.format());
    staged.reserve(stagedStride(matrix) * x.rows());
    tails.reserve(4L * MOST_STEP_COLUMNS);
    if ((long) x.rows() * x.columns() <= STAGED_ALONE) {
      stage(code, x, 0, matrix, 0);
    } else {
      workers.run(
          Math.ceilDiv(x.rows(), STAGED_ROWS),
          (task, worker) -> {
            var from = task * STAGED_ROWS;
            var to = Math.min(from + STAGED_ROWS, x.rows());
            stage(code, x.rows(from, to), from, matrix, worker);
          });
    }
  }

  /// @param first row of `x` in the whole product
  private void stage(MemorySegment code, Tensor x, int first, PanelMatrix matrix, int worker) {
    var staging = family.staging(matrix.format());
    var group = matrix.format().group();
    var columns = staging.columns(group);
    var steps = x.columns() / columns;
    var from = Memory.address(x);
    var stride = stagedStride(matrix);
    var to = staged.of(0) + first * stride;
    if (steps > 0) {
      CodeMemory.call(code, from, Memory.stride(x), to, stride, x.rows(), steps);
    }
    var rest = x.columns() - steps * columns;
    if (rest > 0) { // the last columns, with zeros behind them
      var tail = tails.of(worker);
      Memory.ALL.asSlice(tail + 4L * rest, 4L * (columns - rest)).fill((byte) 0);
      for (int row = 0; row < x.rows(); row++) {
        var done = 4L * steps * columns;
        Memory.copy(from + row * Memory.stride(x) + done, tail, 4L * rest);
        var at = to + row * stride + staging.bytes(steps * columns, group);
        CodeMemory.call(code, tail, 0, at, 0, 1, 1);
      }
    }
  }

  @Override
  public void read(PackedMatrix w, int row, long address) {
    panels(w).read(row, address);
  }

  private PanelMatrix panels(PackedMatrix w) {
    if (w instanceof PanelMatrix matrix && matrix.layout().equals(family.layout(w.format()))) {
      return matrix;
    }
    throw new IllegalArgumentException("not packed by kernels %s: %s".formatted(name(), w));
  }

  KernelFamily family() {
    return family;
  }

  /// The tile for so many rows; the caller's thread makes it if it is the first of its kind.
  Tile tile(MatrixFormat format, int rows, int lines) {
    return tiles.computeIfAbsent(
        new TileKind(format, rows, lines),
        kind -> {
          var emitted = family.tile(format, rows, lines).emit();
          var memory = code.add(emitted.code());
          return new Tile(memory.asSlice(emitted.start()), memory.asSlice(emitted.resume()));
        });
  }

  private MemorySegment staging(MatrixFormat format) {
    return stagings.computeIfAbsent(
        format,
        _ -> {
          var nibbles = format.weights() == DType.I4;
          return code.add(
              new StagingEmitter(family.staging(format), format.group(), nibbles).emit());
        });
  }

  /// The code that widens weights of `format` to f32 for many tiles; null where that does not pay.
  /// Results are the same to the bit, because widening is exact.
  @Nullable MemorySegment widening(MatrixFormat format) {
    return family.widens(format)
        ? widenings.computeIfAbsent(
            format.weights(), weights -> code.add(WidenEmitter.emit(weights, family.vectorBytes())))
        : null;
  }

  MemorySegment finish(boolean bias, boolean accumulate) {
    return finishes.computeIfAbsent(
        new FinishKind(bias, accumulate),
        kind -> {
          var emitted = FinishEmitter.emit(family.vectorBytes(), bias, accumulate);
          return code.add(emitted);
        });
  }

  @Override
  public void close() {
    staged.close();
    tails.close();
    widened.close();
    lists.close();
    sums.close();
    code.close();
  }
}
