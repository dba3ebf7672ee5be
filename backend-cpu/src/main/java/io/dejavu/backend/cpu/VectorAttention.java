package io.dejavu.backend.cpu;

import io.dejavu.tensor.Attention;
import io.dejavu.tensor.DType;
import io.dejavu.tensor.HostDevice;
import io.dejavu.tensor.Kernels;
import io.dejavu.tensor.KvCache;
import io.dejavu.tensor.RaggedBatch;
import io.dejavu.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/// Attention of prompt chunks and decode rows alike: tiles of neighbouring tokens and of all query
/// heads that share a kv head go through the splits of {@link Kernels#SPLIT_TOKENS} positions
/// together. Each split's keys are laid out across and its values widened once for a tile.
///
/// What a row gets does not depend on the tile: a score adds its products in the order of the
/// head's elements, a maximum has no order, weights are added in 16 partial sums by position modulo
/// 16, and weighted values in the order of positions.
final class VectorAttention implements AutoCloseable {
  /// Query rows of a tile: enough to pay for turning the keys.
  private static final int TILE_ROWS = 128;

  private final Workers workers;
  private final Scratch scratch;

  VectorAttention(Workers workers) {
    this.workers = workers;
    scratch = new Scratch(workers.threads());
  }

  void run(Tensor q, KvCache cache, RaggedBatch batch, Attention kind, Tensor out) {
    if (kind.heads() % cache.kvHeads() != 0) {
      throw new IllegalArgumentException(
          "%d query heads on %d kv heads".formatted(kind.heads(), cache.kvHeads()));
    }
    var group = kind.heads() / cache.kvHeads();
    var tokens = Math.max(1, TILE_ROWS / group);
    var tiles = tiles(batch, cache, tokens);
    if (tiles.isEmpty()) {
      return;
    }
    var longest = tiles.stream().mapToInt(Tile::tokens).max().orElseThrow();
    scratch.reserve(AttentionTile.bytes(longest * group, cache.headSize()));
    workers.run(
        tiles.size() * cache.kvHeads(),
        (task, worker) ->
            new AttentionTile(
                    tiles.get(task / cache.kvHeads()),
                    task % cache.kvHeads(),
                    cache,
                    kind,
                    Memory.address(batch.tables()),
                    Memory.stride(batch.tables()),
                    scratch.of(worker))
                .run(Memory.address(q), Memory.stride(q), Memory.address(out), Memory.stride(out)));
  }

  /// Neighbouring tokens of a sequence.
  ///
  /// @param row of the first token in the batch
  /// @param position of the first token in its sequence
  record Tile(int sequence, int row, int position, int tokens) {}

  /// Those with the most keys first, so that threads end together.
  private static List<Tile> tiles(RaggedBatch batch, KvCache cache, int most) {
    var starts = Memory.address(batch.starts());
    var contexts = Memory.address(batch.contexts());
    var tiles = new ArrayList<Tile>();
    for (int s = 0; s < batch.sequences(); s++) {
      var start = Memory.integer(starts + 4L * s);
      var end = Memory.integer(starts + 4L * (s + 1));
      var context = Memory.integer(contexts + 4L * s);
      if (start < 0 || end < start || end > batch.rows() || context < end - start) {
        throw new IllegalArgumentException(
            "sequence %d: rows [%d, %d) of %d, %d tokens"
                .formatted(s, start, end, batch.rows(), context));
      }
      if (end > start) {
        checkBlocks(batch, cache, s, context);
      }
      for (int row = start; row < end; row += most) {
        tiles.add(new Tile(s, row, context - (end - row), Math.min(most, end - row)));
      }
    }
    tiles.sort((a, b) -> Integer.compare(b.position + b.tokens, a.position + a.tokens));
    return tiles;
  }

  private static void checkBlocks(RaggedBatch batch, KvCache cache, int sequence, int context) {
    var blocks = Math.ceilDiv(context, cache.blockTokens());
    if (blocks > batch.tables().columns()) {
      throw new IllegalArgumentException(
          "sequence %d has %d tokens and %d blocks of %d"
              .formatted(sequence, context, batch.tables().columns(), cache.blockTokens()));
    }
    var table = Memory.address(batch.tables()) + sequence * Memory.stride(batch.tables());
    for (int b = 0; b < blocks; b++) {
      checkBlock(cache, Memory.integer(table + 4L * b));
    }
  }

  static void checkBlock(KvCache cache, int block) {
    var end = cache.values(block, cache.kvHeads());
    if (block < 0 || end > cache.buffer().bytes()) {
      throw new IndexOutOfBoundsException(
          "block %d ends at byte %d of %d".formatted(block, end, cache.buffer().bytes()));
    }
  }

  /// Writes one row's keys and values of all heads into a slot.
  ///
  /// @param memory address of the cache's buffer
  static void append(KvCache cache, long memory, int slot, long keys, long values) {
    var d = cache.headSize();
    var block = slot / cache.blockTokens();
    var row = memory + slot % cache.blockTokens() * cache.type().bytes(d);
    for (int head = 0; head < cache.kvHeads(); head++) {
      var key = row + cache.keys(block, head);
      var value = row + cache.values(block, head);
      if (cache.type() == DType.F32) {
        Memory.copy(keys + 4L * head * d, key, 4L * d);
        Memory.copy(values + 4L * head * d, value, 4L * d);
      } else {
        RowKernels.toBFloat16(keys + 4L * head * d, key, d);
        RowKernels.toBFloat16(values + 4L * head * d, value, d);
      }
    }
  }

  /// Address of the cache's memory.
  static long memory(KvCache cache) {
    return HostDevice.segment(cache.buffer()).address();
  }

  @Override
  public void close() {
    scratch.close();
  }
}
