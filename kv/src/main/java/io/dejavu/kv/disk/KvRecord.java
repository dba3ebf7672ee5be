package io.dejavu.kv.disk;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.nio.charset.StandardCharsets.US_ASCII;

import io.dejavu.kv.BlockHash;
import io.dejavu.kv.HeadRange;
import io.dejavu.kv.KvLayout;
import io.dejavu.kv.KvSlice;
import io.dejavu.kv.LayerRange;
import io.dejavu.kv.TokenRange;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout.OfDouble;
import java.lang.foreign.ValueLayout.OfInt;
import java.lang.foreign.ValueLayout.OfLong;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.zip.CRC32C;

/// Keys and values with a header that says what they are: 4 KiB, then the bytes. Little endian:
///
/// | from | bytes | what |
/// |---:|---:|---|
/// | 0 | 8 | `DEJAVUKV` |
/// | 8 | 4 | version, 1 |
/// | 12 | 4 | CRC32C of the header, these four bytes taken as 0 |
/// | 16 | 8 | slot: a record that is found somewhere else is not believed |
/// | 24 | 8 | how many records were written before this one |
/// | 32 | 8 | bytes of the payload |
/// | 40 | 4 | CRC32C of the payload |
/// | 44 | 4 | D, the head size |
/// | 48 | 8 | type of an element, its name padded with 0 |
/// | 56 | 32 | the model, hashed |
/// | 88 | 32 | the content's hash |
/// | 120 | 8 | request, or -1 |
/// | 128 | 24 | layers, tokens, heads: start and end of each |
/// | 152 | 4 | S, tokens in a block |
/// | 156 | 4 | 0 |
/// | 160 | 8 | prompt tokens per second, a double |
/// | 168 | … | 0 |
///
/// A record that was written in part fails one of the two checksums.
final class KvRecord {
  static final int HEADER_BYTES = 4096;
  private static final byte[] MAGIC = "DEJAVUKV".getBytes(US_ASCII);
  private static final int VERSION = 1;

  private static final OfInt INT = OfInt.JAVA_INT.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final OfLong LONG = OfLong.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final OfDouble DOUBLE = OfDouble.JAVA_DOUBLE.withOrder(ByteOrder.LITTLE_ENDIAN);

  private KvRecord() {}

  /// What a header says.
  record Header(long written, long bytes, int crc, KvLabel label) {}

  /// Writes the header before the `bytes` of payload that are in `record` already.
  ///
  /// @param crc of the payload
  static void seal(
      MemorySegment record,
      long slot,
      long written,
      long bytes,
      int crc,
      BlockHash model,
      KvLayout layout,
      KvLabel label) {
    var header = record.asSlice(0, HEADER_BYTES);
    header.fill((byte) 0);
    MemorySegment.copy(MAGIC, 0, header, JAVA_BYTE, 0, MAGIC.length);
    header.set(INT, 8, VERSION);
    header.set(LONG, 16, slot);
    header.set(LONG, 24, written);
    header.set(LONG, 32, bytes);
    header.set(INT, 40, crc);
    header.set(INT, 44, layout.headSize());
    var type = layout.type().name().getBytes(US_ASCII);
    MemorySegment.copy(type, 0, header, JAVA_BYTE, 48, type.length);
    put(header, 56, model);
    put(header, 88, label.content());
    header.set(LONG, 120, label.request());
    var slice = label.slice();
    header.set(INT, 128, slice.layers().start());
    header.set(INT, 132, slice.layers().end());
    header.set(INT, 136, slice.tokens().start());
    header.set(INT, 140, slice.tokens().end());
    header.set(INT, 144, slice.heads().start());
    header.set(INT, 148, slice.heads().end());
    header.set(INT, 152, layout.blockTokens());
    header.set(DOUBLE, 160, label.tokensPerSecond());
    header.set(INT, 12, crc(header));
  }

  /// Reads the header of a record.
  ///
  /// @throws KvFileException if it is not one, or of another model, layout or place
  static Header open(
      MemorySegment record, long slot, BlockHash model, KvLayout layout, long mostBytes)
      throws KvFileException {
    var copy = MemorySegment.ofArray(record.asSlice(0, HEADER_BYTES).toArray(JAVA_BYTE));
    if (!Arrays.equals(MAGIC, copy.asSlice(0, MAGIC.length).toArray(JAVA_BYTE))) {
      throw new KvFileException("slot %d holds no record".formatted(slot));
    }
    int crc = copy.get(INT.withByteAlignment(1), 12);
    copy.set(INT.withByteAlignment(1), 12, 0);
    if (crc != crc(copy)) {
      throw new KvFileException("the header of slot %d is damaged".formatted(slot));
    }
    var header = record.asSlice(0, HEADER_BYTES);
    if (header.get(INT, 8) != VERSION || header.get(LONG, 16) != slot) {
      throw new KvFileException(
          "slot %d holds version %d of slot %d"
              .formatted(slot, header.get(INT, 8), header.get(LONG, 16)));
    }
    long bytes = header.get(LONG, 32);
    var type = layout.type().name();
    boolean fits =
        header.get(INT, 44) == layout.headSize()
            && header.get(INT, 152) == layout.blockTokens()
            && Arrays.equals(
                Arrays.copyOf(type.getBytes(US_ASCII), 8), header.asSlice(48, 8).toArray(JAVA_BYTE))
            && hash(header, 56).equals(model)
            && bytes >= 0
            && bytes <= mostBytes;
    if (!fits) {
      throw new KvFileException("slot %d is of another model or layout".formatted(slot));
    }
    try {
      var slice =
          new KvSlice(
              new LayerRange(header.get(INT, 128), header.get(INT, 132)),
              new TokenRange(header.get(INT, 136), header.get(INT, 140)),
              new HeadRange(header.get(INT, 144), header.get(INT, 148)));
      var label =
          new KvLabel(hash(header, 88), header.get(LONG, 120), slice, header.get(DOUBLE, 160));
      return new Header(header.get(LONG, 24), bytes, header.get(INT, 40), label);
    } catch (IllegalArgumentException e) {
      throw new KvFileException("slot %d: %s".formatted(slot, e.getMessage()));
    }
  }

  /// Whether the payload is what was written.
  static boolean isWhole(MemorySegment record, Header header) {
    return crc(record.asSlice(HEADER_BYTES, header.bytes)) == header.crc;
  }

  private static void put(MemorySegment header, long at, BlockHash hash) {
    header.set(LONG, at, hash.a());
    header.set(LONG, at + 8, hash.b());
    header.set(LONG, at + 16, hash.c());
    header.set(LONG, at + 24, hash.d());
  }

  private static BlockHash hash(MemorySegment header, long at) {
    return new BlockHash(
        header.get(LONG, at),
        header.get(LONG, at + 8),
        header.get(LONG, at + 16),
        header.get(LONG, at + 24));
  }

  static int crc(MemorySegment bytes) {
    var crc = new CRC32C();
    long most = 1 << 30; // what a byte buffer can view
    for (long done = 0; done < bytes.byteSize(); done += most) {
      crc.update(bytes.asSlice(done, Math.min(most, bytes.byteSize() - done)).asByteBuffer());
    }
    return (int) crc.getValue();
  }
}
