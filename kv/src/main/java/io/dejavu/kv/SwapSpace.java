package io.dejavu.kv;

import io.dejavu.tensor.HostBuffer;
import java.util.HashMap;
import java.util.Map;

/// Host memory for the keys and values of sequences that lost their place. Owns the bytes; how many
/// it may hold is decided before.
///
/// Not thread-safe: whoever computes the steps owns it.
public final class SwapSpace implements AutoCloseable {
  private static final long ALIGNMENT = 64;

  private final KvMemory memory;
  private final long mostBytes;
  private final Map<Long, HostBuffer> copies = new HashMap<>();
  private long bytes;

  /// @param mostBytes of all copies together
  public SwapSpace(KvMemory memory, long mostBytes) {
    this.memory = memory;
    this.mostBytes = mostBytes;
  }

  /// Copies what `blocks` of a sequence hold; they may be used for something else then.
  ///
  /// @throws IllegalStateException if there is no room
  public void swapOut(long sequence, int[] blocks) {
    long wanted = blocks.length * memory.layout().blockBytes();
    if (bytes + wanted > mostBytes || copies.containsKey(sequence)) {
      throw new IllegalStateException(
          "%d bytes of sequence %d to swap out, %d of %d are in use"
              .formatted(wanted, sequence, bytes, mostBytes));
    }
    var copy = HostBuffer.allocate(wanted, ALIGNMENT);
    copies.put(sequence, copy);
    bytes += wanted;
    boolean complete = false;
    try {
      memory.copyOut(blocks, copy.segment());
      complete = true;
    } finally {
      if (!complete) {
        drop(sequence);
      }
    }
  }

  /// Copies back what {@link #swapOut} has copied, to as many `blocks`, and forgets it.
  ///
  /// @throws IllegalStateException if there is no copy
  public void swapIn(long sequence, int[] blocks) {
    var copy = copies.get(sequence);
    if (copy == null) {
      throw new IllegalStateException("no copy of sequence %d".formatted(sequence));
    }
    try {
      memory.copyIn(copy.segment(), blocks);
    } finally {
      drop(sequence);
    }
  }

  /// Nobody wants the copy any more. Harmless if there is none.
  public void drop(long sequence) {
    var copy = copies.remove(sequence);
    if (copy != null) {
      bytes -= copy.bytes();
      copy.close();
    }
  }

  /// Bytes of all copies.
  public long bytes() {
    return bytes;
  }

  @Override
  public void close() {
    copies.values().forEach(HostBuffer::close);
    copies.clear();
    bytes = 0;
  }
}
