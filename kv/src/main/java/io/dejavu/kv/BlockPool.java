package io.dejavu.kv;

import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiConsumer;

/// Who may use which block: pure accounting, no byte is touched. Every block is free, cached (holds
/// something that a sequence may want again, used by nobody), lent, or owned by at least one owner.
///
/// Owners whose sequences begin alike share full blocks, which nobody writes to any more: an owner
/// says what a block of its holds by {@link #publish}, others find it by {@link #share}. What
/// nobody owns stays cached until its block is wanted, the longest unused first.
///
/// Blocks come in extents, as few and as long as there are, so that moving them is few large
/// copies. The same calls in the same order give the same blocks.
///
/// Not thread-safe: one decider owns it.
public final class BlockPool {
  private static final int[] NONE = {};

  private final int blocks;
  private final BitSet free;
  // Owners of each block.
  private final int[] owners;
  private final PrefixIndex index = new PrefixIndex();
  private final Map<Long, int[]> owned = new HashMap<>();
  private final Set<Lease> lent = new HashSet<>();
  // Full when they were adopted: nobody writes to them.
  private final BitSet adopted;
  private long sharings;
  private BiConsumer<BlockHash, Integer> onEviction = (_, _) -> {};

  public BlockPool(int blocks) {
    if (blocks < 1) {
      throw new IllegalArgumentException("pool of %d blocks".formatted(blocks));
    }
    this.blocks = blocks;
    free = new BitSet(blocks);
    free.set(0, blocks);
    owners = new int[blocks];
    adopted = new BitSet(blocks);
  }

  /// All of them.
  public int blocks() {
    return blocks;
  }

  /// Those that can be lent, cached ones included.
  public int free() {
    return free.cardinality() + index.unused();
  }

  /// Those that nobody uses and that hold what a sequence may want again.
  public int cached() {
    return index.unused();
  }

  /// Those that are owned or lent.
  public int inUse() {
    return blocks - free();
  }

  /// How many blocks more the owners would have if none shared any.
  public long sharings() {
    return sharings;
  }

  /// The blocks of `owner`, in the order in which they were given; empty if it has none.
  public int[] ownedBy(long owner) {
    return owned.getOrDefault(owner, NONE).clone();
  }

  /// Lends `wanted` blocks until the lease is closed or given to an owner.
  ///
  /// @throws IllegalStateException if fewer are free
  public Lease lend(int wanted) {
    if (wanted < 0 || wanted > free()) {
      throw new IllegalStateException(
          "%d blocks wanted, %d of %d free".formatted(wanted, free(), blocks));
    }
    for (int missing = wanted - free.cardinality(); missing > 0; missing--) {
      free.set(index.evict(onEviction));
    }
    var taken = new int[wanted];
    for (int count = 0; count < wanted; ) {
      var extent = bestExtent(wanted - count);
      var end = Math.min(extent.end, extent.start + wanted - count);
      free.clear(extent.start, end);
      for (int block = extent.start; block < end; block++) {
        taken[count++] = block;
      }
    }
    var lease = new Lease(taken);
    lent.add(lease);
    return lease;
  }

  /// Tells what a cached block held when it is given up, and which it is. Nobody has written to it
  /// yet.
  public void onEviction(BiConsumer<BlockHash, Integer> listener) {
    onEviction = listener;
  }

  /// The block that holds this; -1 if none does.
  public int blockOf(BlockHash hash) {
    return index.find(hash);
  }

  /// Whether a block holds this.
  public boolean holds(BlockHash hash) {
    return index.find(hash) >= 0;
  }

  /// Whether a block that somebody owns holds this.
  public boolean isOwned(BlockHash hash) {
    int block = index.find(hash);
    return block >= 0 && owners[block] > 0;
  }

  /// Lets `owner`, which has no blocks, share those that hold the beginning of `chain`: as many of
  /// its hashes, from the first, as there are blocks for.
  ///
  /// @return how many blocks it has now
  public int share(long owner, List<BlockHash> chain) {
    if (owned.containsKey(owner)) {
      throw new IllegalStateException("owner %d has blocks".formatted(owner));
    }
    int count = 0;
    while (count < chain.size() && holds(chain.get(count))) {
      count++;
    }
    var shared = new int[count];
    for (int i = 0; i < count; i++) {
      shared[i] = index.find(chain.get(i));
      own(shared[i]);
    }
    if (count > 0) {
      owned.put(owner, shared);
    }
    return count;
  }

  /// Makes `owner`, which has no blocks, the owner of blocks that hold its keys and values already:
  /// memory that outlived another process, or that somebody else has filled. What was cached in
  /// them is not found any more.
  ///
  /// @param taken in the order of its tokens
  /// @param full so many of the first are full, and may be shared with others that adopt them
  /// @return false, and nothing taken, if one of them is not to be had
  /// @throws IllegalStateException if the owner has blocks
  public boolean adopt(long owner, int[] taken, int full) {
    if (owned.containsKey(owner)) {
      throw new IllegalStateException("owner %d has blocks".formatted(owner));
    }
    var seen = new BitSet(blocks);
    for (int i = 0; i < taken.length; i++) {
      int block = taken[i];
      if (block < 0 || block >= blocks || seen.get(block) || !isToBeHad(block, i < full)) {
        return false;
      }
      seen.set(block);
    }
    for (int i = 0; i < taken.length; i++) {
      int block = taken[i];
      boolean first = owners[block] == 0;
      own(block);
      if (first) {
        free.clear(block);
        index.remove(block);
        adopted.set(block, i < full);
      }
    }
    if (taken.length > 0) {
      owned.put(owner, taken.clone());
    }
    return true;
  }

  private boolean isToBeHad(int block, boolean full) {
    return owners[block] > 0
        ? full && adopted.get(block)
        : free.get(block) || index.isUnused(block);
  }

  /// Whether it is known that a block holds something else than this.
  public boolean holdsOther(int block, BlockHash hash) {
    var content = index.content(block);
    return content != null && !content.equals(hash);
  }

  /// Says what the `position`-th block of `owner` holds; it is full, nobody writes to it any more.
  /// If another block holds the same, the owner shares that one from now on and gives its own back.
  ///
  /// @return the block that `owner` has there now
  public int publish(long owner, int position, BlockHash hash) {
    var its = owned.get(owner);
    if (its == null || position >= its.length) {
      throw new IllegalStateException("owner %d has no block %d".formatted(owner, position));
    }
    int mine = its[position];
    int known = index.find(hash);
    if (known == mine) {
      return mine;
    }
    if (known < 0) {
      index.put(hash, mine);
      return mine;
    }
    own(known);
    its[position] = known;
    disown(mine);
    return known;
  }

  /// Takes back all blocks of `owner`, from those that it shares its part only.
  ///
  /// @return how many it had
  public int release(long owner) {
    var returned = owned.remove(owner);
    if (returned == null) {
      return 0;
    }
    // Last block first: the head of a prompt is shared more often than its tail,
    // so the tail should be given up earlier.
    for (int i = returned.length - 1; i >= 0; i--) {
      disown(returned[i]);
    }
    return returned.length;
  }

  /// What the blocks of `owner` hold is not worth sharing after all. Whoever shares it already
  /// does.
  public void retract(long owner) {
    for (int block : owned.getOrDefault(owner, NONE)) {
      index.remove(block);
    }
  }

  private void own(int block) {
    if (owners[block]++ == 0) {
      index.use(block);
    } else {
      sharings++;
    }
  }

  private void disown(int block) {
    if (owners[block] == 0) {
      throw new IllegalStateException("block %d is freed twice".formatted(block));
    }
    if (--owners[block] > 0) {
      sharings--;
      return;
    }
    adopted.clear(block);
    if (index.has(block)) {
      index.release(block);
    } else {
      free.set(block);
    }
  }

  /// Blocks in use that none of the `live` owners has: 0, or a bug.
  public int leaked(Set<Long> live) {
    if (lent.isEmpty() && live.containsAll(owned.keySet())) {
      return 0;
    }
    var alive = new BitSet(blocks);
    owned.forEach(
        (owner, all) -> {
          if (live.contains(owner)) {
            Arrays.stream(all).forEach(alive::set);
          }
        });
    return inUse() - alive.cardinality();
  }

  /// Counts all over again.
  ///
  /// @throws IllegalStateException if a block is in two places or in none
  public void check() {
    index.check();
    var counted = new int[blocks];
    owned.forEach((_, all) -> Arrays.stream(all).forEach(block -> counted[block]++));
    var onLoan = new BitSet(blocks);
    lent.forEach(lease -> Arrays.stream(lease.blocks).forEach(onLoan::set));
    long shared = 0;
    for (int block = 0; block < blocks; block++) {
      int places =
          (free.get(block) ? 1 : 0)
              + (onLoan.get(block) ? 1 : 0)
              + (index.isUnused(block) ? 1 : 0)
              + (counted[block] > 0 ? 1 : 0);
      if (places != 1 || counted[block] != owners[block]) {
        throw new IllegalStateException(
            "block %d is in %d places, has %d owners, %d are counted"
                .formatted(block, places, owners[block], counted[block]));
      }
      shared += Math.max(0, counted[block] - 1);
    }
    if (shared != sharings) {
      throw new IllegalStateException("%d sharings, %d counted".formatted(sharings, shared));
    }
  }

  /// The shortest free extent that holds `wanted` blocks, else the longest; the first of equals.
  private Extent bestExtent(int wanted) {
    var best = new Extent(0, 0);
    for (int start = free.nextSetBit(0); start >= 0; ) {
      int end = free.nextClearBit(start);
      var extent = new Extent(start, end);
      var better =
          best.size() < wanted
              ? extent.size() > best.size()
              : extent.size() >= wanted && extent.size() < best.size();
      if (better) {
        best = extent;
      }
      start = free.nextSetBit(end);
    }
    return best;
  }

  private record Extent(int start, int end) {
    int size() {
      return end - start;
    }
  }

  /// Blocks on loan. Ends by {@link #giveTo} or by {@link #close}, which returns them.
  public final class Lease implements AutoCloseable {
    private final int[] blocks;

    private Lease(int[] blocks) {
      this.blocks = blocks;
    }

    /// Their numbers, in the order in which a sequence should fill them.
    public int[] blocks() {
      return blocks.clone();
    }

    /// Makes `owner` their owner, after those that it has.
    public void giveTo(long owner) {
      if (!lent.remove(this)) {
        throw new IllegalStateException(
            "%d blocks for %d are no longer on loan".formatted(blocks.length, owner));
      }
      for (int block : blocks) {
        own(block);
      }
      owned.merge(owner, blocks, Lease::join);
    }

    private static int[] join(int[] first, int[] second) {
      var joined = Arrays.copyOf(first, first.length + second.length);
      System.arraycopy(second, 0, joined, first.length, second.length);
      return joined;
    }

    /// Returns the blocks, if they were not given to anybody.
    @Override
    public void close() {
      if (lent.remove(this)) {
        for (int block : blocks) {
          free.set(block);
        }
      }
    }
  }
}
