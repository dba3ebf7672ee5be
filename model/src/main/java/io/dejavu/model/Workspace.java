package io.dejavu.model;

import io.dejavu.tensor.Buffer;
import io.dejavu.tensor.DType;
import io.dejavu.tensor.Device;
import io.dejavu.tensor.Tensor;

/// The activations of a stage's step: allocated once for the largest step, used by every layer of
/// every step. {@link #of} gives the views of a step of fewer tokens.
///
/// Attention's tensors and the feed-forward's share memory; they are never alive together.
final class Workspace implements AutoCloseable {
  private static final long ALIGNMENT = 64;

  private final Buffer stream;
  private final Buffer phase;
  private final Views most;

  /// Views of one step. `T` rows each unless said otherwise.
  ///
  /// @param x [T, M], the residual stream
  /// @param normed [T, M]
  /// @param partial [T, M], what this shard adds to `x`
  /// @param chosen [T, M], rows of `x` that give logits
  /// @param angles [T, R] of the rotary embedding
  /// @param embedded [T, embedding]
  /// @param qkv [T, (H + 2K) D]
  /// @param attended [T, H D]
  /// @param chosenAttended [T, H D], rows of `attended` that give logits; lies where `qkv` does
  /// @param up [T, F], with a gate [T, 2F]
  /// @param gated [T, F]; without a gate it is `up`
  record Views(
      Tensor x,
      Tensor normed,
      Tensor partial,
      Tensor chosen,
      Tensor angles,
      Tensor embedded,
      Tensor qkv,
      Tensor attended,
      Tensor chosenAttended,
      Tensor up,
      Tensor gated) {
    Views rows(int count) {
      return new Views(
          x.rows(0, count),
          normed.rows(0, count),
          partial.rows(0, count),
          chosen.rows(0, count),
          angles.rows(0, count),
          embedded.rows(0, count),
          qkv.rows(0, count),
          attended.rows(0, count),
          chosenAttended.rows(0, count),
          up.rows(0, count),
          gated.rows(0, count));
    }
  }

  Workspace(Device device, Architecture model, ShardSizes shard, StagePart part, int tokens) {
    var sizes = model.sizes();
    var m = sizes.width();
    var hd = shard.heads() * sizes.headSize();
    var qkv = hd + 2 * shard.kvHeads() * sizes.headSize();
    var f = shard.rows();
    var gate = model.gate() != null;
    var frequencies = model.ropeFrequencies();
    var isFirst = part.firstLayer() == 0;
    var isLast = part.lastLayer() == sizes.layers();

    var widths =
        new int[] {
          m,
          m,
          part.shards() > 1 ? m : 0,
          isLast ? m : 0,
          frequencies == null ? 0 : 2 * frequencies.length,
          isFirst && model.projectIn() != null ? sizes.embedding() : 0
        };
    var offsets = new long[widths.length];
    var end = 0L;
    for (int i = 0; i < widths.length; i++) {
      offsets[i] = end;
      end += bytes(tokens, widths[i]);
    }
    stream = device.allocate(end);
    var attention = bytes(tokens, qkv) + bytes(tokens, hd);
    var feedForward = bytes(tokens, gate ? 2 * f : f) + (gate ? bytes(tokens, f) : 0);
    phase = device.allocate(Math.max(attention, feedForward));

    var up = tensor(phase, 0, tokens, gate ? 2 * f : f);
    most =
        new Views(
            tensor(stream, offsets[0], tokens, widths[0]),
            tensor(stream, offsets[1], tokens, widths[1]),
            tensor(stream, offsets[2], tokens, widths[2]),
            tensor(stream, offsets[3], tokens, widths[3]),
            tensor(stream, offsets[4], tokens, widths[4]),
            tensor(stream, offsets[5], tokens, widths[5]),
            tensor(phase, 0, tokens, qkv),
            tensor(phase, bytes(tokens, qkv), tokens, hd),
            tensor(phase, 0, tokens, hd),
            up,
            gate ? tensor(phase, bytes(tokens, 2 * f), tokens, f) : up);
  }

  /// Views for a step of `tokens` tokens.
  Views of(int tokens) {
    return most.rows(tokens);
  }

  private static Tensor tensor(Buffer buffer, long offset, int rows, int columns) {
    return new Tensor(buffer, offset, DType.F32, rows, columns, columns);
  }

  private static long bytes(int rows, int columns) {
    return Math.ceilDiv(DType.F32.bytes((long) rows * columns), ALIGNMENT) * ALIGNMENT;
  }

  @Override
  public void close() {
    stream.close();
    phase.close();
  }
}
