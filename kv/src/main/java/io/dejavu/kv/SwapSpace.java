package io.dejavu.kv;

import io.dejavu.tensor.HostBuffer;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// Host memory for the keys and values of sequences that lost their place. Owns the bytes; how many
/// blocks it may hold is decided before. Memory is taken a slab at a time when it is first needed,
/// and kept.
///
/// Not thread-safe: whoever computes the steps owns it.
public final class SwapSpace implements AutoCloseable {
  private static final long SLAB_BYTES = 16 << 20;
  private static final long ALIGNMENT = 64;

  private final KvMemory memory;
  private final int mostBlocks;
  private final int slabBlocks;
  private final List<HostBuffer> slabs = new ArrayList<>();
  // Slot `i` is the place of a block in slab `i / slabBlocks`.
  private final BitSet used = new BitSet();
  private final Map<Long, int[]> slots = new HashMap<>();

  /// @param mostBlocks of all copies together
  public SwapSpace(KvMemory memory, int mostBlocks) {
    this.memory = memory;
    this.mostBlocks = mostBlocks;
    this.slabBlocks =
        Math.clamp(SLAB_BYTES / memory.layout().blockBytes(), 1, Math.max(1, mostBlocks));
  }

  /// Copies what `blocks` of a sequence hold; they may be used for something else then.
  ///
  /// @throws IllegalStateException if there is no room, or a copy of the sequence already
  public void swapOut(long sequence, int[] blocks) {
    if (blocks() + blocks.length > mostBlocks || slots.containsKey(sequence)) {
      throw new IllegalStateException(
          "%d blocks of sequence %d to swap out, %d of %d are in use"
              .formatted(blocks.length, sequence, blocks(), mostBlocks));
    }
    var taken = new int[blocks.length];
    for (int i = 0; i < taken.length; i++) {
      taken[i] = used.nextClearBit(0);
      used.set(taken[i]);
    }
    slots.put(sequence, taken);
    boolean complete = false;
    try {
      while (slabs.size() * slabBlocks < used.length()) {
        slabs.add(HostBuffer.allocate(slabBlocks * memory.layout().blockBytes(), ALIGNMENT));
      }
      forEachRun(taken, blocks, memory::copyOut);
      complete = true;
    } finally {
      if (!complete) {
        drop(sequence);
      }
    }
  }

  /// Copies back what {@link #swapOut} has copied, to as many `blocks`, and forgets it, even if it
  /// throws.
  ///
  /// @throws IllegalStateException if there is no copy
  public void swapIn(long sequence, int[] blocks) {
    var taken = slots.get(sequence);
    if (taken == null) {
      throw new IllegalStateException("no copy of sequence " + sequence);
    }
    try {
      if (taken.length != blocks.length) {
        throw new IllegalArgumentException(
            "%d blocks for a copy of %d".formatted(blocks.length, taken.length));
      }
      forEachRun(taken, blocks, (some, copy) -> memory.copyIn(copy, some));
    } finally {
      drop(sequence);
    }
  }

  private interface Copy {
    void of(int[] blocks, MemorySegment host);
  }

  /// Consecutive slots of a slab are one copy.
  private void forEachRun(int[] taken, int[] blocks, Copy copy) {
    long bytes = memory.layout().blockBytes();
    for (int i = 0; i < taken.length; ) {
      int slab = taken[i] / slabBlocks;
      int end = i + 1;
      while (end < taken.length
          && taken[end] == taken[end - 1] + 1
          && taken[end] / slabBlocks == slab) {
        end++;
      }
      copy.of(
          Arrays.copyOfRange(blocks, i, end),
          slabs.get(slab).segment().asSlice(taken[i] % slabBlocks * bytes, (end - i) * bytes));
      i = end;
    }
  }

  /// Nobody wants the copy any more. Harmless if there is none.
  public void drop(long sequence) {
    var taken = slots.remove(sequence);
    if (taken != null) {
      Arrays.stream(taken).forEach(used::clear);
    }
  }

  /// Blocks of all copies.
  public int blocks() {
    return used.cardinality();
  }

  @Override
  public void close() {
    slots.clear();
    used.clear();
    slabs.forEach(HostBuffer::close);
    slabs.clear();
  }
}
