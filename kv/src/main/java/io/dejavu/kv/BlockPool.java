package io.dejavu.kv;

import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/// Who may use which block: pure accounting, no byte is touched. Every block is free, lent or owned
/// by exactly one owner.
///
/// Blocks come in extents, as few and as long as there are, so that moving them is few large
/// copies. The same calls in the same order give the same blocks.
///
/// Not thread-safe: one decider owns it.
public final class BlockPool {
  private final int blocks;
  private final BitSet free;
  private final Map<Long, int[]> owned = new HashMap<>();
  private final Set<Lease> lent = new HashSet<>();

  public BlockPool(int blocks) {
    if (blocks < 1) {
      throw new IllegalArgumentException("pool of %d blocks".formatted(blocks));
    }
    this.blocks = blocks;
    free = new BitSet(blocks);
    free.set(0, blocks);
  }

  /// All of them.
  public int blocks() {
    return blocks;
  }

  /// Those that can be lent.
  public int free() {
    return free.cardinality();
  }

  /// Those that are not free.
  public int inUse() {
    return blocks - free();
  }

  /// The blocks of `owner`, in the order in which they were given; empty if it has none.
  public int[] ownedBy(long owner) {
    return owned.getOrDefault(owner, new int[0]).clone();
  }

  /// Lends `wanted` blocks until the lease is closed or given to an owner.
  ///
  /// @throws IllegalStateException if fewer are free
  public Lease lend(int wanted) {
    if (wanted < 0 || wanted > free()) {
      throw new IllegalStateException(
          "%d blocks wanted, %d of %d free".formatted(wanted, free(), blocks));
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

  /// Takes back all blocks of `owner`.
  ///
  /// @return how many they were; 0 if it has none
  public int release(long owner) {
    var returned = owned.remove(owner);
    if (returned == null) {
      return 0;
    }
    takeBack(returned);
    return returned.length;
  }

  /// Blocks in use that none of the `live` owners has: 0, or a bug.
  public int leaked(Set<Long> live) {
    int leaked = lent.stream().mapToInt(lease -> lease.blocks.length).sum();
    for (var entry : owned.entrySet()) {
      if (!live.contains(entry.getKey())) {
        leaked += entry.getValue().length;
      }
    }
    return leaked;
  }

  /// Counts all over again.
  ///
  /// @throws IllegalStateException if a block is in two places or in none
  public void check() {
    var seen = (BitSet) free.clone();
    owned.forEach((owner, all) -> see(seen, all, "owner " + owner));
    lent.forEach(lease -> see(seen, lease.blocks, "a lease"));
    if (seen.cardinality() != blocks) {
      throw new IllegalStateException(
          "%d of %d blocks are nowhere, the first is %d"
              .formatted(blocks - seen.cardinality(), blocks, seen.nextClearBit(0)));
    }
  }

  private static void see(BitSet seen, int[] all, String who) {
    for (int block : all) {
      if (seen.get(block)) {
        throw new IllegalStateException("block %d of %s is in two places".formatted(block, who));
      }
      seen.set(block);
    }
  }

  private void takeBack(int[] returned) {
    for (int block : returned) {
      if (free.get(block)) {
        throw new IllegalStateException("block %d is freed twice".formatted(block));
      }
      free.set(block);
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
        takeBack(blocks);
      }
    }
  }
}
