package io.dejavu.backend.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import io.dejavu.tensor.DType;
import io.dejavu.tensor.HostDevice;
import io.dejavu.tensor.MatrixFormat;
import io.dejavu.tensor.MatrixSource;
import io.dejavu.tensor.PackedMatrix;
import io.dejavu.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
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

  /// A tile in memory.
  record Tile(MemorySegment start, MemorySegment resume) {}

  private record TileKind(MatrixFormat format, int rows, int lines) {}

  private record FinishKind(boolean bias, boolean accumulate) {}

  private final KernelFamily family;
  private final Workers workers;
  private final CodeMemory code = new CodeMemory();
  private final Map<TileKind, Tile> tiles = new HashMap<>();
  private final Map<FinishKind, MemorySegment> finishes = new HashMap<>();
  private final Scratch staged = new Scratch(1);
  private final Scratch sums;
  private final float[][] rows;

  /// @throws UnsupportedOperationException naming what the machine lacks for `family`
  CodeProducts(KernelFamily family, Workers workers) {
    family.require(CpuFeatures.ofThisMachine());
    this.family = family;
    this.workers = workers;
    this.sums = new Scratch(workers.threads());
    this.rows = new float[workers.threads()][0];
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
    new PanelProduct(this, matrix, staged.of(0), bias, out, accumulate, sums).run(workers);
  }

  /// Bytes from one staged row to the next: an odd number of cache lines, so that the rows of a
  /// tile do not fall on the same places of the first-level cache.
  long stagedStride(PanelMatrix matrix) {
    var format = matrix.format();
    var bytes = family.staging(format).bytes(stagedColumns(matrix), format.group());
    return 128L * (Math.ceilDiv(bytes, 64) / 2) + 64;
  }

  private static int stagedColumns(PanelMatrix matrix) {
    return Math.ceilDiv(matrix.paddedColumns(), 16) * 16;
  }

  private void stage(Tensor x, PanelMatrix matrix) {
    var stride = stagedStride(matrix);
    staged.reserve(stride * x.rows());
    var columns = stagedColumns(matrix);
    for (int worker = 0; worker < rows.length; worker++) {
      if (rows[worker].length < columns) {
        rows[worker] = new float[columns];
      }
    }
    if ((long) x.rows() * columns <= STAGED_ALONE) {
      stage(x, 0, x.rows(), matrix, rows[0]);
    } else {
      workers.run(
          Math.ceilDiv(x.rows(), STAGED_ROWS),
          (task, worker) -> {
            var from = task * STAGED_ROWS;
            var to = Math.min(from + STAGED_ROWS, x.rows());
            stage(x, from, to, matrix, rows[worker]);
          });
    }
  }

  private void stage(Tensor x, int from, int to, PanelMatrix matrix, float[] row) {
    var format = matrix.format();
    var staging = family.staging(format);
    var columns = stagedColumns(matrix);
    var offset = format.weights() == DType.I4 ? 8 : 128;
    for (int t = from; t < to; t++) {
      read(x, t, row, columns);
      staging.write(row, columns, format.group(), offset, staged.of(0) + t * stagedStride(matrix));
    }
  }

  private static void read(Tensor x, int row, float[] target, int padded) {
    var from = x.offset() + 4L * row * x.stride();
    MemorySegment.copy(HostDevice.segment(x.buffer()), JAVA_FLOAT, from, target, 0, x.columns());
    Arrays.fill(target, x.columns(), padded, 0);
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
    sums.close();
    code.close();
  }
}
