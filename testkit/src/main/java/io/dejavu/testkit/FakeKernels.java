package io.dejavu.testkit;

import io.dejavu.tensor.Activation;
import io.dejavu.tensor.Attention;
import io.dejavu.tensor.Kernels;
import io.dejavu.tensor.KvCache;
import io.dejavu.tensor.Logprobs;
import io.dejavu.tensor.MatrixFormat;
import io.dejavu.tensor.MatrixSource;
import io.dejavu.tensor.PackedMatrix;
import io.dejavu.tensor.PlainKernels;
import io.dejavu.tensor.RaggedBatch;
import io.dejavu.tensor.SampleRow;
import io.dejavu.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/// The plain kernels on a {@link FakeDevice}.
public final class FakeKernels implements Kernels {
  private final FakeDevice device = new FakeDevice();
  private final PlainKernels plain = new PlainKernels();

  public FakeKernels() {}

  @Override
  public String name() {
    return "fake";
  }

  @Override
  public FakeDevice device() {
    return device;
  }

  @Override
  public PackedMatrix pack(MatrixSource source, MatrixFormat format) {
    return plain.pack(source, format);
  }

  @Override
  public void gather(PackedMatrix table, Tensor ids, Tensor out) {
    device.enqueue(() -> plain.gather(table, open(ids), open(out)));
  }

  @Override
  public void select(Tensor x, Tensor rows, Tensor out) {
    device.enqueue(() -> plain.select(open(x), open(rows), open(out)));
  }

  @Override
  public void add(Tensor x, Tensor y) {
    device.enqueue(() -> plain.add(open(x), open(y)));
  }

  @Override
  public void layerNorm(
      Tensor x, @Nullable Tensor weight, @Nullable Tensor bias, float epsilon, Tensor out) {
    device.enqueue(
        () -> plain.layerNorm(open(x), optional(weight), optional(bias), epsilon, open(out)));
  }

  @Override
  public void rmsNorm(Tensor x, Tensor weight, float epsilon, Tensor out) {
    device.enqueue(() -> plain.rmsNorm(open(x), open(weight), epsilon, open(out)));
  }

  @Override
  public void linear(
      Tensor x, PackedMatrix w, @Nullable Tensor bias, Tensor out, boolean accumulate) {
    device.enqueue(() -> plain.linear(open(x), w, optional(bias), open(out), accumulate));
  }

  @Override
  public void ropeAngles(Tensor positions, Tensor frequencies, Tensor out) {
    device.enqueue(() -> plain.ropeAngles(open(positions), open(frequencies), open(out)));
  }

  @Override
  public void rope(Tensor x, Tensor angles, int headSize) {
    device.enqueue(() -> plain.rope(open(x), open(angles), headSize));
  }

  @Override
  public void append(Tensor keys, Tensor values, Tensor slots, KvCache cache) {
    device.enqueue(() -> plain.append(open(keys), open(values), open(slots), open(cache)));
  }

  @Override
  public void attention(Tensor q, KvCache cache, RaggedBatch batch, Attention kind, Tensor out) {
    device.enqueue(() -> plain.attention(open(q), open(cache), open(batch), open(kind), open(out)));
  }

  @Override
  public void activate(Tensor x, Activation activation) {
    device.enqueue(() -> plain.activate(open(x), activation));
  }

  @Override
  public void activateGated(Tensor x, Activation activation, Tensor out) {
    device.enqueue(() -> plain.activateGated(open(x), activation, open(out)));
  }

  @Override
  public void sample(Tensor logits, SampleRow[] rows, Tensor out) {
    var copy = new SampleRow[rows.length];
    for (int i = 0; i < rows.length; i++) {
      var row = rows[i];
      var allowed = row.allowed();
      copy[i] =
          new SampleRow(
              row.sampling(),
              row.seed(),
              row.position(),
              row.tokens().clone(),
              row.promptTokens(),
              row.banned().clone(),
              allowed == null ? null : allowed.clone());
    }
    device.enqueue(() -> plain.sample(open(logits), copy, open(out)));
  }

  @Override
  public void logprobs(Tensor logits, Tensor targets, Logprobs out) {
    device.enqueue(
        () ->
            plain.logprobs(
                open(logits),
                open(targets),
                new Logprobs(
                    open(out.chosen()),
                    open(out.ranks()),
                    open(out.topIds()),
                    open(out.topValues()))));
  }

  @Override
  public void close() {
    device.close();
    plain.close();
  }

  private static Tensor open(Tensor x) {
    return new Tensor(
        FakeDevice.open(x.buffer()), x.offset(), x.type(), x.rows(), x.columns(), x.stride());
  }

  private static @Nullable Tensor optional(@Nullable Tensor x) {
    return x == null ? null : open(x);
  }

  private static KvCache open(KvCache cache) {
    return new KvCache(
        FakeDevice.open(cache.buffer()),
        cache.offset(),
        cache.blockStride(),
        cache.type(),
        cache.kvHeads(),
        cache.blockTokens(),
        cache.headSize());
  }

  private static RaggedBatch open(RaggedBatch batch) {
    return new RaggedBatch(
        batch.sequences(),
        batch.rows(),
        batch.maxContext(),
        open(batch.starts()),
        open(batch.contexts()),
        open(batch.tables()),
        open(batch.positions()),
        open(batch.slots()));
  }

  private static Attention open(Attention kind) {
    return new Attention(kind.heads(), kind.scale(), kind.window(), optional(kind.slopes()));
  }
}
