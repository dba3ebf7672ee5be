package io.dejavu.kv;

import io.dejavu.tensor.Buffer;
import io.dejavu.tensor.Device;
import io.dejavu.tensor.HostBuffer;
import io.dejavu.tensor.KvCache;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// Owns the bytes of a stage's keys and values: one buffer of a device, for as long as the stage
/// lives. Who may use which block is {@link BlockPool}'s business.
public final class KvMemory implements AutoCloseable {
  private final Device device;
  private final KvLayout layout;
  private final Buffer buffer;
  private final @Nullable Backing backing;

  /// What a memory's buffer is a part of.
  public interface Backing {
    /// Hears what {@link KvMemory#beforeFilling} is told. For any thread.
    void beforeFilling(int[] blocks);

    /// The memory is closed, and its buffer as well.
    void close();
  }

  private KvMemory(Device device, KvLayout layout, Buffer buffer, @Nullable Backing backing) {
    this.device = device;
    this.layout = layout;
    this.buffer = buffer;
    this.backing = backing;
  }

  /// Memory of this process alone, zeroed.
  public static KvMemory open(Device device, KvLayout layout) {
    return new KvMemory(device, layout, device.allocate(layout.bytes()), null);
  }

  /// Memory that is there already, with what it holds.
  ///
  /// @param buffer of `layout.bytes()` bytes that `device` can use; closed with this
  public static KvMemory of(Device device, KvLayout layout, Buffer buffer, Backing backing) {
    return new KvMemory(device, layout, buffer, backing);
  }

  public KvLayout layout() {
    return layout;
  }

  /// One layer of the model, as the kernels see it.
  public KvCache cache(int layer) {
    return layout.cache(buffer, layer);
  }

  /// Copies what `blocks` hold to the host: `[L, blocks, 2, K, S, D]`, in the order given. Waits
  /// for all kernels enqueued before.
  ///
  /// @param target of `blocks.length * layout().blockBytes()` bytes
  public void copyOut(int[] blocks, MemorySegment target) {
    forEachRun(blocks, target, (offset, part) -> device.download(buffer, offset, part));
  }

  /// Copies to `blocks` what {@link #copyOut} gave for as many others, before any kernel enqueued
  /// later.
  public void copyIn(MemorySegment source, int[] blocks) {
    beforeFilling(blocks);
    forEachRun(blocks, source, (offset, part) -> device.upload(part, buffer, offset));
  }

  /// Says that somebody other than a step is going to fill these blocks, from a copy or from a
  /// peer: what they held is no longer vouched for. For any thread.
  public void beforeFilling(int[] blocks) {
    if (backing != null) {
      backing.beforeFilling(blocks);
    }
  }

  /// Copies a slice of a sequence to the host, in wire order. Waits for all kernels enqueued
  /// before; memory of the host itself is copied at once, by whatever thread knows that the slice
  /// is written, while others write elsewhere.
  ///
  /// @param target of `regions.bytes()` bytes
  public void gather(Regions regions, MemorySegment target) {
    check(regions, target.byteSize());
    device.download(buffer, regions.fragments(), target);
  }

  /// Puts a slice that came in wire order where the sequence's blocks are, before any kernel
  /// enqueued later.
  ///
  /// @param source of `regions.bytes()` bytes
  public void scatter(MemorySegment source, Regions regions) {
    check(regions, source.byteSize());
    device.upload(source, buffer, regions.fragments());
  }

  /// Where the bytes of a slice lie, in wire order, to be sent from or received to without a copy;
  /// good as long as this memory. Empty if the host cannot reach them.
  public Optional<List<MemorySegment>> runs(Regions regions) {
    check(regions, regions.bytes());
    if (!(buffer instanceof HostBuffer host)) {
      return Optional.empty();
    }
    var runs = new ArrayList<MemorySegment>((int) regions.fragments().count());
    regions
        .fragments()
        .forEach((offset, length) -> runs.add(host.segment().asSlice(offset, length)));
    return Optional.of(runs);
  }

  private void check(Regions regions, long bytes) {
    if (!regions.layout().equals(layout)) {
      throw new IllegalArgumentException(
          "regions of %s in a memory of %s".formatted(regions.layout(), layout));
    }
    if (bytes != regions.bytes()) {
      throw new IllegalArgumentException(
          "%d bytes for %d of %s".formatted(bytes, regions.bytes(), regions.slice()));
    }
  }

  private interface Copy {
    void of(long offset, MemorySegment part);
  }

  /// Consecutive blocks touch within a layer: one copy each.
  private void forEachRun(int[] blocks, MemorySegment host, Copy copy) {
    if (host.byteSize() != blocks.length * layout.blockBytes()) {
      throw new IllegalArgumentException(
          "%d bytes for %d blocks of %d"
              .formatted(host.byteSize(), blocks.length, layout.blockBytes()));
    }
    long unit = layout.unitBytes();
    long done = 0;
    for (int layer = layout.layers().start(); layer < layout.layers().end(); layer++) {
      for (int i = 0; i < blocks.length; ) {
        int run = 1;
        while (i + run < blocks.length && blocks[i + run] == blocks[i] + run) {
          run++;
        }
        copy.of(layout.offset(layer, blocks[i]), host.asSlice(done, run * unit));
        done += run * unit;
        i += run;
      }
    }
  }

  /// No kernel may still use it.
  @Override
  public void close() {
    buffer.close();
    if (backing != null) {
      backing.close();
    }
  }
}
