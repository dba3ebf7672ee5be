package io.dejavu.kv;

import io.dejavu.tensor.HostBuffer;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/// Host memory for blocks that the pool has given up and that somebody may want again. Owns the
/// bytes; which slot holds what is decided elsewhere, and checked here. Memory is taken a slab at a
/// time when it is first needed, and kept. From the first one on, a thread (`kv-host-slab`) has the
/// next ready: the system takes ten times as long to give a block's memory as a copy of it takes.
///
/// Not thread-safe: whoever computes the steps owns it. The next slab is the thread's until it has
/// ended.
public final class HostBlocks implements AutoCloseable {
  private static final long SLAB_BYTES = 16 << 20;
  private static final long ALIGNMENT = 64;
  private static final int PATIENCE_SECONDS = 60;

  private final KvMemory memory;
  private final int slabBlocks;
  // Null: not needed yet.
  private final @Nullable HostBuffer[] slabs;
  private final List<@Nullable BlockHash> contents = new ArrayList<>();
  private int taken;
  // Null: all are taken, or none.
  private @Nullable CompletableFuture<HostBuffer> next;

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
      slab = takeSlab();
      slabs[slot / slabBlocks] = slab;
    }
    memory.copyOut(new int[] {block}, part(slab, slot));
    contents.set(slot, content);
  }

  private HostBuffer takeSlab() {
    var ready = next;
    var slab = ready == null ? allocate() : await(ready);
    taken++;
    next =
        taken == slabs.length
            ? null
            : CompletableFuture.supplyAsync(
                this::allocate,
                task -> Thread.ofPlatform().daemon().name("kv-host-slab").start(task));
    return slab;
  }

  private HostBuffer allocate() {
    return HostBuffer.allocate(slabBlocks * memory.layout().blockBytes(), ALIGNMENT);
  }

  private HostBuffer await(CompletableFuture<HostBuffer> slab) {
    try {
      return slab.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
    } catch (ExecutionException e) {
      next = null; // The next one tries itself.
      if (e.getCause() instanceof OutOfMemoryError none) {
        throw none;
      }
      throw new IllegalStateException("no memory for blocks", e);
    } catch (TimeoutException e) {
      throw new IllegalStateException(
          "the system gave no memory within %d s".formatted(PATIENCE_SECONDS), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    }
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
    var ready = next;
    next = null;
    if (ready != null) {
      var _ = ready.thenAccept(HostBuffer::close); // Now, or when it is there.
    }
    for (int i = 0; i < slabs.length; i++) {
      var slab = slabs[i];
      if (slab != null) {
        slab.close();
        slabs[i] = null;
      }
    }
  }
}
