package io.dejavu.kv.kept;

import io.dejavu.kv.KvLayout;
import java.lang.foreign.MemorySegment;
import java.util.zip.CRC32C;

/// What full blocks of kept memory must look like: per block one word, the CRC32C of its bytes in
/// all layers, or that it has none.
///
/// ```
///  0        4        8
///  +--------+--------+
///  | CRC32C | 1 or 0 |   1: sealed
///  +--------+--------+
/// ```
final class BlockSeals {
  private static final long SEALED = 1L << 32;

  private final KvLayout layout;
  private final MemorySegment seals;
  private final MemorySegment keysAndValues;

  BlockSeals(KeptLayout kept, MemorySegment memory) {
    layout = kept.kv();
    seals = memory.asSlice(kept.seals(), (long) Long.BYTES * layout.blocks());
    keysAndValues = memory.asSlice(kept.keysAndValues(), layout.bytes());
  }

  boolean isSealed(int block) {
    return CheckedWord.load(seals, offset(block)) != 0;
  }

  /// Says that `block` is full and stays as it is.
  void seal(int block) {
    CheckedWord.store(seals, offset(block), SEALED | crc(block));
  }

  /// Says that somebody writes to `block`.
  void open(int block) {
    CheckedWord.store(seals, offset(block), 0);
  }

  /// Whether `block` is sealed and has not changed since.
  boolean isWhole(int block) {
    return CheckedWord.load(seals, offset(block)) == (SEALED | crc(block));
  }

  private static long offset(int block) {
    return (long) Long.BYTES * block;
  }

  private long crc(int block) {
    var crc = new CRC32C();
    for (int layer = layout.layers().start(); layer < layout.layers().end(); layer++) {
      crc.update(
          keysAndValues.asSlice(layout.offset(layer, block), layout.unitBytes()).asByteBuffer());
    }
    return crc.getValue();
  }
}
