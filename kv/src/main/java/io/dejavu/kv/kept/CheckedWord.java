package io.dejavu.kv.kept;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.OptionalInt;
import java.util.zip.CRC32C;

/// A number in kept memory that is there wholly or not at all, whenever its writer is killed, and
/// that tells whether it is damaged: one word, stored in one go.
///
/// ```
///  0        4        8
///  +--------+--------+
///  | number | CRC32C |   of the number and of where it belongs
///  +--------+--------+
/// ```
///
/// Stored with release order, loaded with acquire order: who sees it sees all that was stored
/// before it.
final class CheckedWord {
  private static final VarHandle WORD =
      ValueLayout.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN).varHandle();

  private CheckedWord() {}

  /// @param place what the number belongs to: a word that lies where another should is damaged
  static long of(int number, long place, long place2) {
    var bytes =
        ByteBuffer.allocate(20)
            .order(ByteOrder.LITTLE_ENDIAN)
            .putLong(place)
            .putLong(place2)
            .putInt(number)
            .flip();
    var crc = new CRC32C();
    crc.update(bytes);
    return crc.getValue() << 32 | Integer.toUnsignedLong(number);
  }

  /// The number in `word`; empty if it is damaged.
  static OptionalInt number(long word, long place, long place2) {
    return of((int) word, place, place2) == word ? OptionalInt.of((int) word) : OptionalInt.empty();
  }

  static void store(MemorySegment memory, long offset, long word) {
    WORD.setRelease(memory, offset, word);
  }

  static long load(MemorySegment memory, long offset) {
    return (long) WORD.getAcquire(memory, offset);
  }

  /// Whether `old` was there, and `word` is now.
  static boolean replace(MemorySegment memory, long offset, long old, long word) {
    return WORD.compareAndSet(memory, offset, old, word);
  }
}
