package io.dejavu.kv;

import io.dejavu.tensor.Fragments;
import java.util.Arrays;

/// What is contiguous of a slice: where its bytes lie in a memory, in the order in which they
/// travel. That *wire order* knows neither side's block numbers and is the same for both:
///
/// ```
///  | layer a                                   | layer a+1 …
///  | chunk 0   | chunk 1   | …                 |     chunks of W tokens, counted from position 0
///  +-----------+-----------+-------------------+----
///  |           |
///  | keys                      | values                    |
///  | first head | … | last head | first head | … | last head |
///    those of the chunk's tokens that are in the slice, D elements each
/// ```
///
/// Where S is W and the slice has all heads of the memory, a whole block is one run, as is an
/// extent of them: it is sent from where it lies and received to where it belongs. Everything else
/// is packed first.
///
/// A value, for as long as the sequence keeps its blocks.
public final class Regions {
  private final KvLayout layout;
  private final KvSlice slice;
  private final Fragments fragments;
  private final long bytes;

  private Regions(KvLayout layout, KvSlice slice, Fragments fragments) {
    this.layout = layout;
    this.slice = slice;
    this.fragments = fragments;
    this.bytes = layout.type().bytes(slice.elements(layout.headSize()));
  }

  /// Finds them.
  ///
  /// @param blocks of the sequence: `blocks[i]` holds positions `[i * S, (i + 1) * S)`
  /// @param wireTokens W, a power of two; both sides must use the same
  /// @throws IllegalArgumentException if the memory or the blocks do not have all of the slice
  public static Regions of(KvLayout layout, int[] blocks, KvSlice slice, int wireTokens) {
    if (!layout.layers().contains(slice.layers()) || !layout.heads().contains(slice.heads())) {
      throw new IllegalArgumentException(
          "%s of a memory of layers %s, heads %s"
              .formatted(slice, layout.layers(), layout.heads()));
    }
    if (slice.tokens().end() > (long) blocks.length * layout.blockTokens()) {
      throw new IllegalArgumentException(
          "%s in %d blocks of %d".formatted(slice, blocks.length, layout.blockTokens()));
    }
    if (Integer.bitCount(wireTokens) != 1) {
      throw new IllegalArgumentException("wire order in chunks of %d tokens".formatted(wireTokens));
    }
    return new Regions(layout, slice, new Walk(layout, blocks, slice, wireTokens).fragments());
  }

  /// The same tokens and heads of some of its layers.
  public Regions layers(LayerRange some) {
    var all = slice.layers();
    if (!all.contains(some)) {
      throw new IllegalArgumentException("layers %s of %s".formatted(some, slice));
    }
    return new Regions(
        layout,
        new KvSlice(some, slice.tokens(), slice.heads()),
        fragments.repetitions(some.start() - all.start(), some.end() - all.start()));
  }

  public KvLayout layout() {
    return layout;
  }

  public KvSlice slice() {
    return slice;
  }

  /// The runs in wire order, merged where both the memory and the wire go on.
  public Fragments fragments() {
    return fragments;
  }

  /// Of the whole slice.
  public long bytes() {
    return bytes;
  }

  /// Whether its runs are long enough, on average, to be worth sending from where they lie.
  public boolean isDirect(long runBytes) {
    return bytes >= runBytes * fragments.count();
  }

  @Override
  public String toString() {
    return "%s in %s".formatted(slice, fragments);
  }

  /// Walks over the first layer of a slice; in the others everything is where it is there.
  private static final class Walk {
    private final KvLayout layout;
    private final int[] blocks;
    private final KvSlice slice;
    private final int wireTokens;
    private final long rowBytes;
    private long[] offsets;
    private long[] lengths;
    private int count;

    Walk(KvLayout layout, int[] blocks, KvSlice slice, int wireTokens) {
      this.layout = layout;
      this.blocks = blocks;
      this.slice = slice;
      this.wireTokens = wireTokens;
      this.rowBytes = layout.type().bytes(layout.headSize());
      int first = 2 * slice.heads().count();
      this.offsets = new long[first];
      this.lengths = new long[first];
    }

    Fragments fragments() {
      var tokens = slice.tokens();
      for (int start = tokens.start(), end; start < tokens.end(); start = end) {
        end = nextMultiple(start, wireTokens, tokens.end());
        if (end - start == layout.blockTokens() && isBlockwise()) {
          add(offset(start), layout.unitBytes());
          continue;
        }
        heads(0, start, end);
        heads(layout.kvHeads(), start, end);
      }
      return new Fragments(
          Arrays.copyOf(offsets, count),
          Arrays.copyOf(lengths, count),
          slice.layers().count(),
          layout.blocks() * layout.unitBytes());
    }

    /// Whether a whole chunk is a unit as it lies.
    private boolean isBlockwise() {
      return wireTokens == layout.blockTokens() && slice.heads().equals(layout.heads());
    }

    /// First byte of the unit of a token.
    private long offset(int token) {
      return layout.offset(slice.layers().start(), blocks[token / layout.blockTokens()]);
    }

    /// Tokens `[start, end)`, which are in one chunk, of the keys or values of all heads.
    private void heads(int firstRow, int start, int end) {
      int S = layout.blockTokens();
      int base = firstRow - layout.heads().start();
      for (int head = slice.heads().start(); head < slice.heads().end(); head++) {
        for (int token = start, next; token < end; token = next) {
          next = nextMultiple(token, S, end);
          long row = (long) (base + head) * S + token % S;
          add(offset(token) + row * rowBytes, (next - token) * rowBytes);
        }
      }
    }

    private static int nextMultiple(int token, int of, int atMost) {
      return (int) Math.min((token / of + 1L) * of, atMost);
    }

    private void add(long offset, long length) {
      if (count > 0 && offsets[count - 1] + lengths[count - 1] == offset) {
        lengths[count - 1] += length;
        return;
      }
      if (count == offsets.length) {
        offsets = Arrays.copyOf(offsets, 2 * count);
        lengths = Arrays.copyOf(lengths, 2 * count);
      }
      offsets[count] = offset;
      lengths[count++] = length;
    }
  }
}
