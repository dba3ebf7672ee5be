package io.dejavu.tensor;

import org.jspecify.annotations.Nullable;

/// Every operation of a model's step, on one device. The contract of all backends; {@link
/// PlainKernels} is its definition in readable Java, and one contract test holds the others to it.
///
/// Calls enqueue work in order and may return before it is done; {@link Device#download} waits. All
/// tensors are f32 on this kernels' device unless said otherwise. Outputs may not overlap inputs
/// unless said otherwise.
///
/// **Exactness.** Within one instance, each output row is the same to the bit whatever other rows
/// are in the call, wherever it stands among them, and with any number of threads: no reduction
/// depends on the batch. Across backends results agree within the contract test's tolerances.
///
/// @see Device
public interface Kernels extends AutoCloseable {
  /// Attention is reduced over splits of this many positions, counted from position 0, whose
  /// results are merged in order. So a remote or recovered part adds as a local one would.
  int SPLIT_TOKENS = 256;

  /// Such as `plain`, `java`, `avx512`; workers of one pipeline must agree.
  String name();

  Device device();

  /// Reads a weight matrix once and lays it out for {@link #linear} and {@link #gather}.
  ///
  /// A format's `activations` are those of `linear`. Columns that do not fill the last group are
  /// treated as zero.
  ///
  /// @throws UnsupportedOperationException if this backend does not have the format
  PackedMatrix pack(MatrixSource source, MatrixFormat format);

  /// `out[t] = table[ids[t]]`, widened to f32.
  ///
  /// | argument | shape  | type |
  /// |----------|--------|------|
  /// | `table`  | [V, M] | any  |
  /// | `ids`    | [1, T] | i32  |
  /// | `out`    | [T, M] | f32  |
  void gather(PackedMatrix table, Tensor ids, Tensor out);

  /// `out[r] = x[rows[r]]`; `rows` is i32 `[1, R]`.
  void select(Tensor x, Tensor rows, Tensor out);

  /// `y = x + y`, shapes equal.
  void add(Tensor x, Tensor y);

  /// `out = (x - mean(x)) / √(var(x) + ε) · weight + bias` per row; `out` may be `x`.
  ///
  /// @param weight [1, M]; null: ones
  /// @param bias [1, M]; null: zeros
  void layerNorm(
      Tensor x, @Nullable Tensor weight, @Nullable Tensor bias, float epsilon, Tensor out);

  /// `out = x / √(mean(x²) + ε) · weight` per row; `out` may be `x`. Zhang & Sennrich 2019.
  ///
  /// @param weight [1, C] where `C` divides the columns of `x`: each row consists of `columns / C`
  ///   vectors that are normalised on their own (Qwen3 normalises per head)
  void rmsNorm(Tensor x, Tensor weight, float epsilon, Tensor out);

  /// `out = x Wᵀ + bias`, or `out += x Wᵀ + bias` (the product and bias first, then the sum).
  ///
  /// | argument | shape  |
  /// |----------|--------|
  /// | `x`      | [T, K] |
  /// | `w`      | [N, K] |
  /// | `bias`   | [1, N] |
  /// | `out`    | [T, N] |
  void linear(Tensor x, PackedMatrix w, @Nullable Tensor bias, Tensor out, boolean accumulate);

  /// Cosines and sines for {@link #rope}: `out[t] = [cos(p f₀) … cos(p fₙ₋₁), sin(p f₀) …]` where
  /// `p` is `positions[t]`, the angle rounded to f32 as in Hugging Face.
  ///
  /// @param positions i32 [1, T]
  /// @param frequencies [1, R/2]
  /// @param out [T, R]
  void ropeAngles(Tensor positions, Tensor frequencies, Tensor out);

  /// Rotary position embedding, in place: in each head the pairs `(i, i + R/2)`, `i < R/2`, turn by
  /// the row's angle `i`; elements from `R` on stay.
  ///
  /// @param x [T, heads · D]
  /// @param angles [T, R] of {@link #ropeAngles}, `R ≤ D`
  /// @param headSize D
  void rope(Tensor x, Tensor angles, int headSize);

  /// Writes each row's keys and values, rounded to the cache's type, into its slot.
  ///
  /// @param keys [T, K · D]
  /// @param values [T, K · D]
  /// @param slots i32 [1, T], `block * S + slot`
  void append(Tensor keys, Tensor values, Tensor slots, KvCache cache);

  /// Causal attention of every row over its own sequence's keys and values, which `append` has
  /// written before: `out = softmax(scale · q kᵀ + bias) v`, per split of {@link #SPLIT_TOKENS}
  /// positions as `(o, lse)`, merged in order.
  ///
  /// @param q [T, H · D]
  /// @param out [T, H · D]
  void attention(Tensor q, KvCache cache, RaggedBatch batch, Attention kind, Tensor out);

  /// `x = activation(x)`.
  void activate(Tensor x, Activation activation);

  /// `out = activation(x[:, :F]) · x[:, F:]`; `x` is `[T, 2F]`, `out` `[T, F]`.
  void activateGated(Tensor x, Activation activation, Tensor out);

  /// Draws a token from each row of logits, which stay as they are.
  ///
  /// @param logits [R, V]
  /// @param rows R of them
  /// @param out i32 [1, R]; a row with a NaN draws -1
  void sample(Tensor logits, SampleRow[] rows, Tensor out);

  /// Log probabilities (natural) of `targets` and of the likeliest tokens, before any sampling
  /// parameter.
  ///
  /// @param logits [R, V]
  /// @param targets i32 [1, R]; -1 (what `sample` draws from a NaN) has log probability NaN
  void logprobs(Tensor logits, Tensor targets, Logprobs out);

  /// Frees threads and scratch, not buffers or packed matrices.
  @Override
  void close();
}
