package io.dejavu.backend.cpu;

import io.dejavu.tensor.Activation;
import io.dejavu.tensor.Attention;
import io.dejavu.tensor.DType;
import io.dejavu.tensor.HostDevice;
import io.dejavu.tensor.Kernels;
import io.dejavu.tensor.KvCache;
import io.dejavu.tensor.Logprobs;
import io.dejavu.tensor.MatrixFormat;
import io.dejavu.tensor.MatrixSource;
import io.dejavu.tensor.PackedMatrix;
import io.dejavu.tensor.RaggedBatch;
import io.dejavu.tensor.SampleRow;
import io.dejavu.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/// The kernels of CPUs: checks shapes, shares rows among {@link Workers} where there is enough to
/// share, and calls the kernels of single rows. Products with weights come from one of the families
/// of {@link MatrixProducts}.
///
/// Every call computes before it returns.
final class VectorKernels implements Kernels {
  /// Elements of simple work (about 10 µs) below which waking others costs more than it gives.
  private static final long WORTH_SHARING = 64 * 1024;

  private final HostDevice device = new HostDevice();
  private final Workers workers;
  private final MatrixProducts products;
  private final VectorAttention attention;
  private final VectorSampler sampler;
  private final Scratch scratch;

  /// Owns what it is given: {@link #close} closes it.
  VectorKernels(Workers workers, MatrixProducts products) {
    this.workers = workers;
    this.products = products;
    attention = new VectorAttention(workers);
    sampler = new VectorSampler(workers);
    scratch = new Scratch(workers.threads());
    scratch.reserve(4L * RowKernels.PARTIALS);
  }

  @Override
  public String name() {
    return products.name();
  }

  @Override
  public HostDevice device() {
    return device;
  }

  @Override
  public PackedMatrix pack(MatrixSource source, MatrixFormat format) {
    return products.pack(source, format);
  }

  @Override
  public void gather(PackedMatrix table, Tensor ids, Tensor out) {
    out.require("out", DType.F32, ids.columns(), table.columns());
    ids.require("ids", DType.I32, 1, ids.columns());
    var from = Memory.address(ids);
    var to = Memory.address(out);
    for (int t = 0; t < out.rows(); t++) {
      checkIndex("id", Memory.integer(from + 4L * t), table.rows());
    }
    share(
        out.rows(),
        out.columns(),
        (t, _) -> products.read(table, Memory.integer(from + 4L * t), to + t * Memory.stride(out)));
  }

  @Override
  public void select(Tensor x, Tensor rows, Tensor out) {
    x.require("x", DType.F32, x.rows(), x.columns());
    rows.require("rows", DType.I32, 1, rows.columns());
    out.require("out", DType.F32, rows.columns(), x.columns());
    var indices = Memory.address(rows);
    var from = Memory.address(x);
    var to = Memory.address(out);
    for (int r = 0; r < out.rows(); r++) {
      checkIndex("row", Memory.integer(indices + 4L * r), x.rows());
    }
    share(
        out.rows(),
        out.columns(),
        (r, _) ->
            Memory.copy(
                from + Memory.integer(indices + 4L * r) * Memory.stride(x),
                to + r * Memory.stride(out),
                4L * out.columns()));
  }

  @Override
  public void add(Tensor x, Tensor y) {
    x.require("x", DType.F32, x.rows(), x.columns());
    y.require("y", DType.F32, x.rows(), x.columns());
    var from = Memory.address(x);
    var to = Memory.address(y);
    share(
        x.rows(),
        x.columns(),
        (t, _) ->
            RowKernels.add(from + t * Memory.stride(x), to + t * Memory.stride(y), x.columns()));
  }

  @Override
  public void layerNorm(
      Tensor x, @Nullable Tensor weight, @Nullable Tensor bias, float epsilon, Tensor out) {
    x.require("x", DType.F32, x.rows(), x.columns());
    out.require("out", DType.F32, x.rows(), x.columns());
    var w = optionalRow("weight", weight, x.columns());
    var b = optionalRow("bias", bias, x.columns());
    var from = Memory.address(x);
    var to = Memory.address(out);
    share(
        x.rows(),
        3L * x.columns(),
        (t, worker) ->
            RowKernels.layerNorm(
                from + t * Memory.stride(x),
                w,
                b,
                epsilon,
                to + t * Memory.stride(out),
                x.columns(),
                scratch.of(worker)));
  }

  @Override
  public void rmsNorm(Tensor x, Tensor weight, float epsilon, Tensor out) {
    x.require("x", DType.F32, x.rows(), x.columns());
    out.require("out", DType.F32, x.rows(), x.columns());
    weight.require("weight", DType.F32, 1, weight.columns());
    var size = weight.columns();
    if (x.columns() % size != 0) {
      throw new IllegalArgumentException(
          "rows of %d in vectors of %d".formatted(x.columns(), size));
    }
    var from = Memory.address(x);
    var w = Memory.address(weight);
    var to = Memory.address(out);
    share(
        x.rows(),
        2L * x.columns(),
        (t, worker) -> {
          for (int i = 0; i < x.columns(); i += size) {
            RowKernels.rmsNorm(
                from + t * Memory.stride(x) + 4L * i,
                w,
                epsilon,
                to + t * Memory.stride(out) + 4L * i,
                size,
                scratch.of(worker));
          }
        });
  }

  @Override
  public void linear(
      Tensor x, PackedMatrix w, @Nullable Tensor bias, Tensor out, boolean accumulate) {
    x.require("x", DType.F32, x.rows(), w.columns());
    out.require("out", DType.F32, x.rows(), w.rows());
    var _ = optionalRow("bias", bias, w.rows());
    if (x.rows() > 0 && w.rows() > 0) {
      products.multiply(x, w, bias, out, accumulate);
    }
  }

  @Override
  public void ropeAngles(Tensor positions, Tensor frequencies, Tensor out) {
    var half = frequencies.columns();
    positions.require("positions", DType.I32, 1, positions.columns());
    frequencies.require("frequencies", DType.F32, 1, half);
    out.require("out", DType.F32, positions.columns(), 2 * half);
    var p = Memory.address(positions);
    var f = Memory.address(frequencies);
    var to = Memory.address(out);
    share(
        out.rows(),
        32L * half, // a sine takes much longer than a sum
        (t, _) -> {
          var row = to + t * Memory.stride(out);
          for (int i = 0; i < half; i++) {
            var angle = Memory.integer(p + 4L * t) * Memory.real(f + 4L * i);
            Memory.set(row + 4L * i, (float) Math.cos(angle));
            Memory.set(row + 4L * (half + i), (float) Math.sin(angle));
          }
        });
  }

  @Override
  public void rope(Tensor x, Tensor angles, int headSize) {
    x.require("x", DType.F32, x.rows(), x.columns());
    angles.require("angles", DType.F32, x.rows(), angles.columns());
    if (x.columns() % headSize != 0 || angles.columns() > headSize || angles.columns() % 2 != 0) {
      throw new IllegalArgumentException(
          "rows of %d in heads of %d, of which %d turn"
              .formatted(x.columns(), headSize, angles.columns()));
    }
    var from = Memory.address(x);
    var turns = Memory.address(angles);
    share(
        x.rows(),
        x.columns(),
        (t, _) ->
            RowKernels.rope(
                from + t * Memory.stride(x),
                turns + t * Memory.stride(angles),
                x.columns() / headSize,
                headSize,
                angles.columns() / 2));
  }

  @Override
  public void append(Tensor keys, Tensor values, Tensor slots, KvCache cache) {
    var rows = slots.columns();
    slots.require("slots", DType.I32, 1, rows);
    keys.require("keys", DType.F32, rows, cache.kvHeads() * cache.headSize());
    values.require("values", DType.F32, rows, cache.kvHeads() * cache.headSize());
    var memory = HostDevice.segment(cache.buffer()).address();
    var slot = Memory.address(slots);
    var k = Memory.address(keys);
    var v = Memory.address(values);
    for (int t = 0; t < rows; t++) {
      VectorAttention.checkBlock(cache, Memory.integer(slot + 4L * t) / cache.blockTokens());
    }
    share(
        rows,
        2L * keys.columns(),
        (t, _) ->
            VectorAttention.append(
                cache,
                memory,
                Memory.integer(slot + 4L * t),
                k + t * Memory.stride(keys),
                v + t * Memory.stride(values)));
  }

  @Override
  public void attention(Tensor q, KvCache cache, RaggedBatch batch, Attention kind, Tensor out) {
    q.require("q", DType.F32, batch.rows(), kind.heads() * cache.headSize());
    out.require("out", DType.F32, batch.rows(), kind.heads() * cache.headSize());
    attention.run(q, cache, batch, kind, out);
  }

  @Override
  public void activate(Tensor x, Activation activation) {
    x.require("x", DType.F32, x.rows(), x.columns());
    var from = Memory.address(x);
    share(
        x.rows(),
        4L * x.columns(),
        (t, _) -> {
          var row = from + t * Memory.stride(x);
          RowKernels.activate(activation, row, row, x.columns());
        });
  }

  @Override
  public void activateGated(Tensor x, Activation activation, Tensor out) {
    x.require("x", DType.F32, x.rows(), 2 * out.columns());
    out.require("out", DType.F32, x.rows(), out.columns());
    var from = Memory.address(x);
    var to = Memory.address(out);
    share(
        x.rows(),
        4L * x.columns(),
        (t, _) -> {
          var row = from + t * Memory.stride(x);
          RowKernels.activateGated(
              activation,
              row,
              row + 4L * out.columns(),
              to + t * Memory.stride(out),
              out.columns());
        });
  }

  @Override
  public void sample(Tensor logits, SampleRow[] rows, Tensor out) {
    logits.require("logits", DType.F32, rows.length, logits.columns());
    out.require("out", DType.I32, 1, logits.rows());
    sampler.sample(logits, rows, out);
  }

  @Override
  public void logprobs(Tensor logits, Tensor targets, Logprobs out) {
    logits.require("logits", DType.F32, out.chosen().columns(), logits.columns());
    targets.require("targets", DType.I32, 1, logits.rows());
    sampler.logprobs(logits, targets, out);
  }

  @Override
  public void close() {
    workers.close(); // first: they use all of the rest
    products.close();
    attention.close();
    sampler.close();
    scratch.close();
    device.close();
  }

  /// Runs `task` for every row: neighbouring rows together, in pieces that are worth it.
  private void share(int rows, long costOfRow, Workers.Task task) {
    var pieces =
        (int)
            Math.min(
                Math.min(rows, 8L * workers.threads()), rows * costOfRow / (WORTH_SHARING / 2));
    if (rows * costOfRow < WORTH_SHARING || pieces < 2) {
      for (int t = 0; t < rows; t++) {
        task.run(t, 0);
      }
      return;
    }
    workers.run(
        pieces,
        (piece, worker) -> {
          var end = (int) ((piece + 1L) * rows / pieces);
          for (int t = (int) ((long) piece * rows / pieces); t < end; t++) {
            task.run(t, worker);
          }
        });
  }

  private static long optionalRow(String what, @Nullable Tensor row, int columns) {
    if (row == null) {
      return 0;
    }
    row.require(what, DType.F32, 1, columns);
    return Memory.address(row);
  }

  private static void checkIndex(String what, int index, int size) {
    if (index < 0 || index >= size) {
      throw new IndexOutOfBoundsException("%s %d of %d".formatted(what, index, size));
    }
  }
}
