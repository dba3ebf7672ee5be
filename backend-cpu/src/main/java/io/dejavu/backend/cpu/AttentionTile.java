package io.dejavu.backend.cpu;

import static io.dejavu.tensor.Kernels.SPLIT_TOKENS;

import io.dejavu.tensor.Attention;
import io.dejavu.tensor.KvCache;

/// One kv head's attention for some neighbouring tokens of a sequence; row `t * group + g` is token
/// `t`'s query head `g` of those that share the kv head.
///
/// Its scratch memory, `R` rows (filled up to a multiple of 8), `E` the head size filled up to
/// whole pairs of vectors, `W` = {@link #PANEL} keys:
///
/// ```
/// q      [R, D]           queries, scaled
/// keys   [256 / W, D, W]  of the split, across
/// values [256, E]         of the split, widened
/// scores [R, 256 + 16]    then weights; 16 more, so that rows do not share cache sets
/// part   [R, E]           result of the split
/// whole  [R, E]           merged result
/// lse    [R] f64          of the merged result
/// sums   [R] f64          of the split's weights, then its lse
/// lanes  [16]
/// ```
final class AttentionTile {
  /// Columns that the kernels compute at a time.
  private static final int PANEL = 2 * VectorMath.F.length();

  /// Positions ahead of its use that a tile of few rows begins to fetch a block. Those compute so
  /// little that they wait for memory: 1.2 to 1.4 times the speed at 16,384 tokens.
  private static final int AHEAD = 32;

  private static final int FEW_ROWS = 32;
  private static final int SCORES = SPLIT_TOKENS + 16;
  private static final int BLOCK = VectorMath.F.length() == 16 ? 8 : 4;

  private final VectorAttention.Tile tile;
  private final int head;
  private final KvCache cache;
  private final Attention kind;
  private final long table;
  private final int group;
  private final int d;
  private final int e;
  private final int rows;
  private final long memory;

  private final long q;
  private final long keys;
  private final long values;
  private final long scores;
  private final long part;
  private final long whole;
  private final long lse;
  private final long lanes;

  /// @param head of keys and values
  /// @param tables of all sequences, by address
  /// @param tableStride bytes from one sequence's table to the next
  AttentionTile(
      VectorAttention.Tile tile,
      int head,
      KvCache cache,
      Attention kind,
      long tables,
      long tableStride,
      long scratch) {
    this.tile = tile;
    this.head = head;
    this.cache = cache;
    this.kind = kind;
    table = tables + tile.sequence() * tableStride;
    group = kind.heads() / cache.kvHeads();
    d = cache.headSize();
    e = padded(d);
    rows = tile.tokens() * group;
    memory = VectorAttention.memory(cache);
    var all = filled(rows);
    q = scratch;
    keys = q + 4L * all * d;
    values = keys + 4L * SPLIT_TOKENS * d;
    scores = values + 4L * SPLIT_TOKENS * e;
    part = scores + 4L * SCORES * all;
    whole = part + 4L * all * e;
    lse = whole + 4L * all * e;
    lanes = lse + 8L * all;
  }

  /// Scratch memory that a tile of so many rows takes.
  static long bytes(int rows, int headSize) {
    var all = (long) filled(rows);
    var e = padded(headSize);
    return 4L * (all * headSize + (long) SPLIT_TOKENS * (headSize + e) + SCORES * all + 2 * all * e)
        + 8L * all
        + 64
        + 4L * PANEL;
  }

  private static int filled(int rows) {
    return Math.ceilDiv(rows, 8) * 8;
  }

  private static int padded(int headSize) {
    return Math.ceilDiv(headSize, PANEL) * PANEL;
  }

  /// @param x queries [T, H · D] of the whole batch, by address
  /// @param out [T, H · D]
  void run(long x, long xStride, long out, long outStride) {
    var first = 4L * head * group * d;
    for (int r = 0; r < rows; r++) {
      var from = x + (tile.row() + r / group) * xStride + first + 4L * (r % group) * d;
      SoftmaxKernels.scale(from, kind.scale(), q + 4L * r * d, d);
      Memory.set(lse + 8L * r, Double.NEGATIVE_INFINITY);
    }
    TileKernels.zero(q + 4L * rows * d, (filled(rows) - rows) * d);

    var last = tile.position() + tile.tokens();
    var from = firstKey(0) / SPLIT_TOKENS * SPLIT_TOKENS;
    for (int split = from; split < last; split += SPLIT_TOKENS) {
      split(split, Math.min(SPLIT_TOKENS, last - split));
    }

    for (int r = 0; r < rows; r++) {
      var to = out + (tile.row() + r / group) * outStride + first + 4L * (r % group) * d;
      Memory.copy(whole + 4L * r * e, to, 4L * d);
    }
  }

  /// The first position that row `r` sees.
  private int firstKey(int r) {
    var position = tile.position() + r / group;
    return kind.window() == 0 ? 0 : Math.max(0, position - kind.window() + 1);
  }

  /// First key of row `r` in the split, from its start.
  private int low(int split, int r) {
    return Math.max(0, firstKey(r) - split);
  }

  /// End of the keys of row `r` in the split, from its start; at most `low` if there are none.
  private int high(int split, int r) {
    return Math.min(SPLIT_TOKENS, tile.position() + r / group + 1 - split);
  }

  private void split(int split, int count) {
    // Whole panels, from the first that any row sees.
    var from = low(split, 0) / PANEL * PANEL;
    load(split, from, count);
    for (int r = 0; r < rows; r += BLOCK) {
      var block = Math.min(BLOCK, rows - r);
      var most = high(split, r + block - 1);
      if (most <= low(split, r)) {
        continue;
      }
      scores(r, block, low(split, r) / PANEL * PANEL, most);
      var low = 0;
      var high = SPLIT_TOKENS;
      for (int i = r; i < r + block; i++) {
        var a = low(split, i);
        var b = high(split, i);
        if (a < b) {
          softmax(split, i, a, b);
        }
        low = Math.max(low, a);
        high = Math.min(high, Math.max(a, b));
      }
      weigh(split, r, block, low, Math.max(low, high));
    }
  }

  /// Turns keys and widens values of the split's positions `[from, count)`, and perhaps of some
  /// more in the same block: what those hold is not used.
  private void load(int split, int from, int count) {
    var size = cache.blockTokens();
    for (int i = from / size * size; i < count; i += size) {
      touch(split + i + AHEAD);
      var block = Memory.integer(table + 4L * ((split + i) / size));
      var first = Math.max(0, from - i);
      var used = Math.min(size, count - i) - first;
      var bytes = first * cache.type().bytes(d);
      turn(memory + cache.keys(block, head) + bytes, i + first, size - first, used);
      CacheKernels.values(
          cache.type(),
          memory + cache.values(block, head) + bytes,
          used,
          d,
          values + 4L * (i + first) * e,
          e);
    }
  }

  /// Begins to fetch the block of a position, if it will be needed.
  private void touch(int position) {
    if (rows <= FEW_ROWS && position < tile.position() + tile.tokens()) {
      var block = Memory.integer(table + 4L * (position / cache.blockTokens()));
      var bytes = cache.blockTokens() * cache.type().bytes(d);
      var sum =
          CacheKernels.touch(memory + cache.keys(block, head), bytes)
              + CacheKernels.touch(memory + cache.values(block, head), bytes);
      Memory.set(lanes, sum);
    }
  }

  /// @param key first of the keys, by address
  /// @param at its place in the split
  /// @param present keys that lie there
  /// @param used how many of them are wanted
  private void turn(long key, int at, int present, int used) {
    var bytes = cache.type().bytes(d);
    var step = CacheKernels.keysAtOnce();
    for (int i = 0; i < used; ) {
      var column = keys + 4L * ((long) ((at + i) / PANEL) * PANEL * d + (at + i) % PANEL);
      if ((at + i) % step == 0 && i + step <= present) {
        CacheKernels.keys(cache.type(), key + i * bytes, d, column, 4L * PANEL);
        i += step;
      } else {
        CacheKernels.key(cache.type(), key + i * bytes, 0, d, column, 4L * PANEL);
        i++;
      }
    }
  }

  /// `scores[r, from .. to) = q[r] · keys` for some rows; a few keys more are garbage.
  private void scores(int r, int block, int from, int to) {
    for (int i = from; i < to; i += PANEL) {
      multiply(
          block,
          q + 4L * r * d,
          4L * d,
          keys + 4L * i * d,
          4L * PANEL,
          d,
          scores + 4L * (r * SCORES + i),
          4L * SCORES);
    }
  }

  private static void multiply(
      int block, long a, long aStride, long b, long bStride, int k, long c, long cStride) {
    switch (block) {
      case 1 -> AttentionKernels.product1(a, aStride, b, bStride, k, c, cStride);
      case 2, 3, 4 -> AttentionKernels.product4(a, aStride, b, bStride, k, c, cStride);
      default -> AttentionKernels.product8(a, aStride, b, bStride, k, c, cStride);
    }
  }

  /// Scores of row `r` to weights `exp(score - max)`; their sum and maximum go to `part`'s lse.
  private void softmax(int split, int r, int low, int high) {
    var slopes = kind.slopes();
    var slope =
        slopes == null ? 0 : Memory.real(Memory.address(slopes) + 4L * (head * group + r % group));
    var row = scores + 4L * r * SCORES;
    var max = SoftmaxKernels.max(row, low, high, slope, split);
    var sum = SoftmaxKernels.exp(row, low, high, max, lanes);
    Memory.set(sums(r), 1 / sum);
    Memory.set(sums(r) + 8, max + Math.log(sum));
  }

  /// `part[r] = Σ weights · values`, then merged into `whole[r]`.
  ///
  /// @param low first key that all rows of the block see
  /// @param high end of the keys that all of them see
  private void weigh(int split, int r, int block, int low, int high) {
    TileKernels.zero(part + 4L * r * e, BLOCK * e);
    for (int i = r; i < r + block; i++) {
      accumulate(1, i, low(split, i), Math.min(low, high(split, i)));
    }
    accumulate(block, r, low, high);
    for (int i = r; i < r + block; i++) {
      accumulate(1, i, Math.max(low(split, i), high), high(split, i));
      if (low(split, i) < high(split, i)) {
        merge(i);
      }
    }
  }

  private void accumulate(int block, int r, int from, int to) {
    if (from >= to) {
      return;
    }
    var a = scores + 4L * (r * SCORES + from);
    for (int column = 0; column < e; column += PANEL) {
      var b = values + 4L * (from * e + column);
      var c = part + 4L * (r * e + column);
      switch (block) {
        case 1 -> AttentionKernels.accumulate1(a, 4L * SCORES, b, 4L * e, to - from, c, 4L * e);
        case 2, 3, 4 ->
            AttentionKernels.accumulate4(a, 4L * SCORES, b, 4L * e, to - from, c, 4L * e);
        default -> AttentionKernels.accumulate8(a, 4L * SCORES, b, 4L * e, to - from, c, 4L * e);
      }
    }
  }

  private void merge(int r) {
    var before = Memory.wide(lse + 8L * r);
    var here = Memory.wide(sums(r) + 8);
    var top = Math.max(before, here);
    var a = Math.exp(before - top);
    var b = Math.exp(here - top);
    SoftmaxKernels.merge(
        whole + 4L * r * e,
        (float) (a / (a + b)),
        part + 4L * r * e,
        (float) Memory.wide(sums(r)),
        (float) (b / (a + b)),
        e);
    Memory.set(lse + 8L * r, top + Math.log(a + b));
  }

  /// Where the split's `1 / Σ weights` and lse of row `r` wait for the merge: behind its scores.
  private long sums(int r) {
    return scores + 4L * (r * SCORES + SPLIT_TOKENS);
  }
}
