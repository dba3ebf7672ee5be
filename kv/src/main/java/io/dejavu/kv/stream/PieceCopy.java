package io.dejavu.kv.stream;

import io.dejavu.kv.KvMemory;
import io.dejavu.kv.Regions;
import io.dejavu.tensor.HostBuffer;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;
import java.util.zip.CRC32C;

/// A lane's way between a memory and the wire: from where the bytes lie and to where they belong
/// where they lie in long runs, through a staging buffer of its own where not. For the one thread
/// that sends or receives on the lane.
final class PieceCopy implements AutoCloseable {
  private static final long ALIGNMENT = 64;

  private final int runBytes;
  private HostBuffer staging;
  private long used;

  /// @param runBytes from so many bytes per run on, pieces are not packed
  PieceCopy(int runBytes, long stagingBytes) {
    this.runBytes = runBytes;
    this.staging = HostBuffer.allocate(stagingBytes, ALIGNMENT);
  }

  /// The staging buffer is free again.
  void reset() {
    used = 0;
  }

  /// The bytes of regions in wire order, as they are now. Good until {@link #reset}.
  List<MemorySegment> bytes(KvMemory memory, Regions regions) {
    var runs = runs(memory, regions);
    if (runs.isPresent()) {
      return runs.get();
    }
    var packed = place(regions.bytes());
    memory.gather(regions, packed);
    return List.of(packed);
  }

  /// Where the bytes of regions may be received, if that can be done without a copy.
  Optional<List<MemorySegment>> runs(KvMemory memory, Regions regions) {
    return regions.isDirect(runBytes) ? memory.runs(regions) : Optional.empty();
  }

  /// So many bytes of the staging buffer.
  MemorySegment place(long bytes) {
    if (used == 0 && bytes > staging.bytes()) {
      staging.close();
      staging = HostBuffer.allocate(bytes, ALIGNMENT);
    }
    var place = staging.segment().asSlice(used, bytes);
    used += bytes;
    return place;
  }

  static int checksum(List<MemorySegment> runs) {
    var crc = new CRC32C();
    for (var run : runs) {
      crc.update(run.asByteBuffer());
    }
    return (int) crc.getValue();
  }

  @Override
  public void close() {
    staging.close();
  }
}
