package io.dejavu.tensor;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.MemorySegment;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// Every kernel in plain loops over one row at a time: the definition that the fast ones are tested
/// against, and readable before anything else. Runs on the calling thread.
public final class PlainKernels implements Kernels {
  private final HostDevice device = new HostDevice();

  public PlainKernels() {}

  @Override
  public String name() {
    return "plain";
  }

  @Override
  public HostDevice device() {
    return device;
  }

  @Override
  public PackedMatrix pack(MatrixSource source, MatrixFormat format) {
    return new PlainMatrix(source, format);
  }

  @Override
  public void gather(PackedMatrix table, Tensor ids, Tensor out) {
    var matrix = (PlainMatrix) table;
    out.require("out", DType.F32, ids.columns(), matrix.columns());
    for (int t = 0; t < out.rows(); t++) {
      write(matrix.row(integer(ids, 0, t)), out, t);
    }
  }

  @Override
  public void select(Tensor x, Tensor rows, Tensor out) {
    out.require("out", DType.F32, rows.columns(), x.columns());
    for (int r = 0; r < out.rows(); r++) {
      write(read(x, integer(rows, 0, r)), out, r);
    }
  }

  @Override
  public void add(Tensor x, Tensor y) {
    y.require("y", DType.F32, x.rows(), x.columns());
    for (int t = 0; t < x.rows(); t++) {
      var sum = read(y, t);
      var row = read(x, t);
      for (int i = 0; i < sum.length; i++) {
        sum[i] += row[i];
      }
      write(sum, y, t);
    }
  }

  @Override
  public void layerNorm(
      Tensor x, @Nullable Tensor weight, @Nullable Tensor bias, float epsilon, Tensor out) {
    out.require("out", DType.F32, x.rows(), x.columns());
    for (int t = 0; t < x.rows(); t++) {
      var row = read(x, t);
      var mean = 0.0;
      for (float v : row) {
        mean += v;
      }
      mean /= row.length;
      var variance = 0.0;
      for (float v : row) {
        variance += (v - mean) * (v - mean);
      }
      var scale = 1 / Math.sqrt(variance / row.length + epsilon);
      for (int i = 0; i < row.length; i++) {
        row[i] =
            (float) ((row[i] - mean) * scale) * (weight == null ? 1 : real(weight, 0, i))
                + (bias == null ? 0 : real(bias, 0, i));
      }
      write(row, out, t);
    }
  }

  @Override
  public void rmsNorm(Tensor x, Tensor weight, float epsilon, Tensor out) {
    out.require("out", DType.F32, x.rows(), x.columns());
    var size = weight.columns();
    if (x.columns() % size != 0) {
      throw new IllegalArgumentException(
          "rows of %d in vectors of %d".formatted(x.columns(), size));
    }
    for (int t = 0; t < x.rows(); t++) {
      var row = read(x, t);
      for (int from = 0; from < row.length; from += size) {
        var squares = 0.0;
        for (int i = 0; i < size; i++) {
          squares += (double) row[from + i] * row[from + i];
        }
        var scale = 1 / Math.sqrt(squares / size + epsilon);
        for (int i = 0; i < size; i++) {
          row[from + i] = (float) (row[from + i] * scale) * real(weight, 0, i);
        }
      }
      write(row, out, t);
    }
  }

  @Override
  public void linear(
      Tensor x, PackedMatrix w, @Nullable Tensor bias, Tensor out, boolean accumulate) {
    var matrix = (PlainMatrix) w;
    x.require("x", DType.F32, x.rows(), w.columns());
    out.require("out", DType.F32, x.rows(), w.rows());
    for (int t = 0; t < x.rows(); t++) {
      var row = read(x, t);
      PlainMatrix.activations(row, w.format());
      var result = read(out, t);
      for (int n = 0; n < result.length; n++) {
        var weights = matrix.row(n);
        var sum = 0.0;
        for (int k = 0; k < row.length; k++) {
          sum += (double) row[k] * weights[k];
        }
        var value = (float) sum + (bias == null ? 0 : real(bias, 0, n));
        result[n] = accumulate ? result[n] + value : value;
      }
      write(result, out, t);
    }
  }

  @Override
  public void ropeAngles(Tensor positions, Tensor frequencies, Tensor out) {
    var half = frequencies.columns();
    out.require("out", DType.F32, positions.columns(), 2 * half);
    var row = new float[2 * half];
    for (int t = 0; t < out.rows(); t++) {
      for (int i = 0; i < half; i++) {
        var angle = integer(positions, 0, t) * real(frequencies, 0, i);
        row[i] = (float) Math.cos(angle);
        row[half + i] = (float) Math.sin(angle);
      }
      write(row, out, t);
    }
  }

  @Override
  public void rope(Tensor x, Tensor angles, int headSize) {
    angles.require("angles", DType.F32, x.rows(), angles.columns());
    var half = angles.columns() / 2;
    for (int t = 0; t < x.rows(); t++) {
      var row = read(x, t);
      var turn = read(angles, t);
      for (int head = 0; head < row.length; head += headSize) {
        for (int i = 0; i < half; i++) {
          var a = row[head + i];
          var b = row[head + half + i];
          row[head + i] = a * turn[i] - b * turn[half + i];
          row[head + half + i] = b * turn[i] + a * turn[half + i];
        }
      }
      write(row, x, t);
    }
  }

  @Override
  public void append(Tensor keys, Tensor values, Tensor slots, KvCache cache) {
    var d = cache.headSize();
    keys.require("keys", DType.F32, slots.columns(), cache.kvHeads() * d);
    values.require("values", DType.F32, slots.columns(), cache.kvHeads() * d);
    for (int t = 0; t < keys.rows(); t++) {
      var block = integer(slots, 0, t) / cache.blockTokens();
      var row = integer(slots, 0, t) % cache.blockTokens() * cache.type().bytes(d);
      var key = read(keys, t);
      var value = read(values, t);
      for (int head = 0; head < cache.kvHeads(); head++) {
        for (int i = 0; i < d; i++) {
          write(cache, cache.keys(block, head) + row, i, key[head * d + i]);
          write(cache, cache.values(block, head) + row, i, value[head * d + i]);
        }
      }
    }
  }

  @Override
  public void attention(Tensor q, KvCache cache, RaggedBatch batch, Attention kind, Tensor out) {
    q.require("q", DType.F32, batch.rows(), kind.heads() * cache.headSize());
    out.require("out", DType.F32, batch.rows(), kind.heads() * cache.headSize());
    var attention = new PlainAttention(cache, batch, kind);
    for (int sequence = 0; sequence < batch.sequences(); sequence++) {
      var start = integer(batch.starts(), 0, sequence);
      var end = integer(batch.starts(), 0, sequence + 1);
      for (int t = start; t < end; t++) {
        var position = integer(batch.contexts(), 0, sequence) - (end - t);
        write(attention.row(sequence, position, read(q, t)), out, t);
      }
    }
  }

  @Override
  public void activate(Tensor x, Activation activation) {
    for (int t = 0; t < x.rows(); t++) {
      var row = read(x, t);
      for (int i = 0; i < row.length; i++) {
        row[i] = apply(activation, row[i]);
      }
      write(row, x, t);
    }
  }

  @Override
  public void activateGated(Tensor x, Activation activation, Tensor out) {
    out.require("out", DType.F32, x.rows(), x.columns() / 2);
    for (int t = 0; t < x.rows(); t++) {
      var row = read(x, t);
      var gated = new float[out.columns()];
      for (int i = 0; i < gated.length; i++) {
        gated[i] = apply(activation, row[i]) * row[gated.length + i];
      }
      write(gated, out, t);
    }
  }

  private static float apply(Activation activation, float x) {
    return switch (activation) {
      case RELU -> Math.max(x, 0);
      case GELU -> (float) (0.5 * x * (1 + Erf.of(x * Math.sqrt(0.5))));
      case GELU_TANH -> {
        var inner = Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x);
        yield (float) (0.5 * x * (1 + Math.tanh(inner)));
      }
      case SILU -> (float) (x / (1 + Math.exp(-x)));
    };
  }

  @Override
  public void sample(Tensor logits, SampleRow[] rows, Tensor out) {
    out.require("out", DType.I32, 1, logits.rows());
    for (int r = 0; r < rows.length; r++) {
      set(out, r, PlainSampler.draw(read(logits, r), rows[r]));
    }
  }

  @Override
  public void logprobs(Tensor logits, Tensor targets, Logprobs out) {
    targets.require("targets", DType.I32, 1, logits.rows());
    for (int r = 0; r < logits.rows(); r++) {
      var row = read(logits, r);
      var max = Float.NEGATIVE_INFINITY;
      for (float logit : row) {
        max = Math.max(max, logit);
      }
      var sum = 0.0;
      for (float logit : row) {
        sum += Math.exp(logit - max);
      }
      var logSum = max + Math.log(sum);
      var id = integer(targets, 0, r);
      var target = id < 0 ? Float.NaN : row[id];
      var rank = 1;
      for (float logit : row) {
        rank += logit > target ? 1 : 0;
      }
      write(new float[] {(float) (target - logSum)}, out.chosen().columns(r, r + 1), 0);
      set(out.ranks(), r, rank);

      var order =
          IntStream.range(0, row.length)
              .boxed()
              .sorted((a, b) -> Float.compare(row[b], row[a]))
              .limit(out.topIds().columns())
              .toList();
      var values = new float[order.size()];
      for (int i = 0; i < values.length; i++) {
        set(out.topIds().rows(r, r + 1), i, order.get(i));
        values[i] = (float) (row[order.get(i)] - logSum);
      }
      write(values, out.topValues(), r);
    }
  }

  @Override
  public void close() {
    device.close();
  }

  static float[] read(Tensor x, int row) {
    var values = new float[x.columns()];
    var from = x.offset() + 4L * row * x.stride();
    MemorySegment.copy(segment(x), JAVA_FLOAT, from, values, 0, values.length);
    return values;
  }

  private static void write(float[] values, Tensor x, int row) {
    var to = x.offset() + 4L * row * x.stride();
    MemorySegment.copy(values, 0, segment(x), JAVA_FLOAT, to, values.length);
  }

  private static float real(Tensor x, int row, int column) {
    return segment(x).get(JAVA_FLOAT, x.offset() + 4L * ((long) row * x.stride() + column));
  }

  static int integer(Tensor x, int row, int column) {
    return segment(x).get(JAVA_INT, x.offset() + 4L * ((long) row * x.stride() + column));
  }

  private static void set(Tensor x, int column, int value) {
    segment(x).set(JAVA_INT, x.offset() + 4L * column, value);
  }

  private static void write(KvCache cache, long row, int i, float value) {
    var memory = HostDevice.segment(cache.buffer());
    if (cache.type() == DType.F32) {
      memory.set(JAVA_FLOAT, row + 4L * i, value);
    } else {
      memory.set(JAVA_SHORT, row + 2L * i, BFloat16.fromFloat(value));
    }
  }

  static float read(KvCache cache, long row, int i) {
    var memory = HostDevice.segment(cache.buffer());
    return cache.type() == DType.F32
        ? memory.get(JAVA_FLOAT, row + 4L * i)
        : BFloat16.toFloat(memory.get(JAVA_SHORT, row + 2L * i));
  }

  private static MemorySegment segment(Tensor x) {
    return HostDevice.segment(x.buffer());
  }
}
