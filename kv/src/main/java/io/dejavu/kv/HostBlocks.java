package io.dejavu.kv;

import io.dejavu.tensor.HostBuffer;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Host memory for blocks that the pool has given up and that somebody may want again. Owns the
/// bytes; which slot holds what is decided elsewhere, and checked here. Memory is taken a slab at a
/// time when it is first needed, and kept.
///
/// Not thread-safe: whoever computes the steps owns it.
public final class HostBlocks implements AutoCloseable {
  private static final long SLAB_BYTES = 16 << 20;
  private static final long ALIGNMENT = 64;

  private final KvMemory memory;
  private final int slabBlocks;
  // Null: not needed yet.
  private final @Nullable HostBuffer[] slabs;
  private final List<@Nullable BlockHash> contents = new ArrayList<>();

  /// @param mostBlocks slots
  public HostBlocks(KvMemory memory, int mostBlocks) {
    this.memory = memory;
    this.slabBlocks =
        Math.clamp(SLAB_BYTES / memory.layout().blockBytes(), 1, Math.max(1, mostBlocks));
    this.slabs = new @Nullable HostBuffer[Math.ceilDiv(mostBlocks, slabBlocks)];
  }

  /// Copies what a block holds to a slot.
  ///
  /// @throws OutOfMemoryError if there is no memory for it
  public void put(int slot, BlockHash content, int block) {
    while (contents.size() <= slot) {
      contents.add(null);
    }
    contents.set(slot, null); // Until it is there.
    var slab = slabs[slot / slabBlocks];
    if (slab == null) {
      slab = HostBuffer.allocate(slabBlocks * memory.layout().blockBytes(), ALIGNMENT);
      slabs[slot / slabBlocks] = slab;
    }
    memory.copyOut(new int[] {block}, part(slab, slot));
    contents.set(slot, content);
  }

  /// Copies what a slot holds to a block.
  ///
  /// @return false, and nothing copied, if it does not hold this
  public boolean get(int slot, BlockHash content, int block) {
    var slab = slot < contents.size() ? slabs[slot / slabBlocks] : null;
    if (slab == null || !content.equals(contents.get(slot))) {
      return false;
    }
    memory.copyIn(part(slab, slot), new int[] {block});
    return true;
  }

  private MemorySegment part(HostBuffer slab, int slot) {
    long bytes = memory.layout().blockBytes();
    return slab.segment().asSlice(slot % slabBlocks * bytes, bytes);
  }

  @Override
  public void close() {
    contents.clear();
    for (int i = 0; i < slabs.length; i++) {
      var slab = slabs[i];
      if (slab != null) {
        slab.close();
        slabs[i] = null;
      }
    }
  }
}
