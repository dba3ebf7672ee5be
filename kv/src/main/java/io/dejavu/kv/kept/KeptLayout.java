package io.dejavu.kv.kept;

import io.dejavu.kv.KvLayout;
import io.dejavu.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.UUID;
import java.util.zip.CRC32C;

/// Where everything lies in memory that outlives its process, little-endian. This is the one place
/// that says so.
///
/// ```
///  0           4 KiB                                                     multiple of 2 MiB
///  +-----------+---------------------+---------------------+- … -+---------------------+
///  | header    | directory           | seals               |     | keys and values     |
///  | 4 KiB     | one entry a sequence| 8 bytes a block     |     | KvLayout            |
///  +-----------+---------------------+---------------------+- … -+---------------------+
/// ```
///
/// The header says what the memory is, and never changes:
///
/// ```
///   0        8       12         16           20         24          28
///  +--------+-------+----------+------------+----------+-----------+---------+
///  | magic  |version| CRC32C   | layers.from| layers.to| heads.from| heads.to|
///  +--------+-------+----------+------------+----------+-----------+---------+
///  32       36      40         44     48          52                56
///  +--------+-------+----------+------+-----------+-----------------+-------+
///  | blocks |   S   |    D     | type | sequences | blocks of each  | bytes |
///  +--------+-------+----------+------+-----------+-----------------+-------+
///  64               80         84     88
///  +----------------+----------+------+------------------------------------+
///  | memory's UUID  | length   |  0   | model, UTF-8                       |
///  +----------------+----------+------+------------------------------------+
/// ```
///
/// The CRC is that of bytes 16 to the end of the model's name. At 2048 follows one word that
/// changes: the epoch and a check of it, see {@link KeptMemory}.
///
/// @param kv of the keys and values
/// @param model what computed them, in words: whatever changes a key or a value changes this
/// @param sequences that have an entry at once, at most
/// @param sequenceBlocks most blocks of a sequence
public record KeptLayout(KvLayout kv, String model, int sequences, int sequenceBlocks) {
  static final long EPOCH = 2048;
  static final long DIRECTORY = 4096;

  private static final long MAGIC = 0x74_70_65_4b_61_6a_65_44L; // "DejaKept"
  private static final int VERSION = 1;
  private static final int MOST_MODEL = 1024;
  private static final long CHECKED = 16;
  private static final long MODEL = 88;
  private static final long LINE = 64;
  private static final long PAGE = 4096;
  private static final long LARGE_PAGE = 2 << 20;

  private static final ValueLayout.OfInt I32 =
      ValueLayout.JAVA_INT.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong I64 =
      ValueLayout.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN);

  public KeptLayout {
    int length = model.getBytes(StandardCharsets.UTF_8).length;
    if (length < 1 || length > MOST_MODEL) {
      throw new IllegalArgumentException(
          "a model's name of %d bytes, 1 to %d fit".formatted(length, MOST_MODEL));
    }
    if (sequences < 1 || sequenceBlocks < 1) {
      throw new IllegalArgumentException(
          "a directory of %d sequences of %d blocks".formatted(sequences, sequenceBlocks));
    }
  }

  /// Room for `running` sequences of at most `context` tokens, and for as many that a new owner has
  /// not yet taken over.
  public static KeptLayout of(KvLayout kv, String model, int running, int context) {
    return new KeptLayout(kv, model, 2 * running, KvLayout.blocksFor(context, kv.blockTokens()));
  }

  /// Size of the file.
  public long bytes() {
    return keysAndValues() + kv.bytes();
  }

  long entryBytes() {
    return up(KeptDirectory.TABLE + (long) Long.BYTES * sequenceBlocks, LINE);
  }

  long entry(int slot) {
    return DIRECTORY + slot * entryBytes();
  }

  long seals() {
    return up(DIRECTORY + sequences * entryBytes(), PAGE);
  }

  long keysAndValues() {
    return up(seals() + (long) Long.BYTES * kv.blocks(), LARGE_PAGE);
  }

  private static long up(long bytes, long unit) {
    return Math.ceilDiv(bytes, unit) * unit;
  }

  /// Writes the header.
  void write(MemorySegment memory, UUID id) {
    var name = model.getBytes(StandardCharsets.UTF_8);
    memory.set(I64, 0, MAGIC);
    memory.set(I32, 8, VERSION);
    int[] sizes = sizes();
    for (int i = 0; i < sizes.length; i++) {
      memory.set(I32, CHECKED + (long) Integer.BYTES * i, sizes[i]);
    }
    memory.set(I64, 56, bytes());
    memory.set(I64, 64, id.getMostSignificantBits());
    memory.set(I64, 72, id.getLeastSignificantBits());
    memory.set(I32, 80, name.length);
    memory.set(I32, 84, 0);
    MemorySegment.copy(name, 0, memory, ValueLayout.JAVA_BYTE, MODEL, name.length);
    memory.set(I32, 12, crc(memory, name.length));
  }

  private int[] sizes() {
    return new int[] {
      kv.layers().start(),
      kv.layers().end(),
      kv.heads().start(),
      kv.heads().end(),
      kv.blocks(),
      kv.blockTokens(),
      kv.headSize(),
      typeNumber(kv.type()),
      sequences,
      sequenceBlocks
    };
  }

  private static final String[] SIZES = {
    "first layer",
    "end of the layers",
    "first head",
    "end of the heads",
    "number of blocks",
    "tokens per block",
    "head size",
    "type",
    "number of sequences",
    "blocks per sequence"
  };

  /// Written down: the order of the constants is nobody's format.
  private static int typeNumber(DType type) {
    return switch (type) {
      case F32 -> 1;
      case F16 -> 2;
      case BF16 -> 3;
      case I32 -> 4;
      case I8 -> 5;
      case I4 -> 6;
    };
  }

  private static String typeName(int number) {
    for (var type : DType.values()) {
      if (typeNumber(type) == number) {
        return type.name();
      }
    }
    return "unknown type " + number;
  }

  private static int crc(MemorySegment memory, int nameBytes) {
    var crc = new CRC32C();
    crc.update(memory.asSlice(CHECKED, MODEL - CHECKED + nameBytes).asByteBuffer());
    return (int) crc.getValue();
  }

  /// Why what lies in `memory` is not of this layout; empty if it is.
  Optional<String> refusal(MemorySegment memory) {
    if (memory.byteSize() < DIRECTORY) {
      return Optional.of("%d bytes have no header".formatted(memory.byteSize()));
    }
    if (memory.get(I64, 0) != MAGIC) {
      return Optional.of("it is no kept memory: its first bytes are another's");
    }
    if (memory.get(I32, 8) != VERSION) {
      return Optional.of(
          "it is of version %d, this program's is %d".formatted(memory.get(I32, 8), VERSION));
    }
    int nameBytes = memory.get(I32, 80);
    if (nameBytes < 1 || nameBytes > MOST_MODEL || crc(memory, nameBytes) != memory.get(I32, 12)) {
      return Optional.of("its header is damaged: the checksum does not fit");
    }
    var name =
        new String(
            memory.asSlice(MODEL, nameBytes).toArray(ValueLayout.JAVA_BYTE),
            StandardCharsets.UTF_8);
    if (!name.equals(model)) {
      return Optional.of(
          "it holds keys and values of \"%s\", not of \"%s\"".formatted(name, model));
    }
    int[] sizes = sizes();
    for (int i = 0; i < sizes.length; i++) {
      int found = memory.get(I32, CHECKED + (long) Integer.BYTES * i);
      if (found != sizes[i]) {
        return Optional.of(
            SIZES[i].equals("type")
                ? "its type is %s, not %s".formatted(typeName(found), kv.type())
                : "its %s is %d, not %d".formatted(SIZES[i], found, sizes[i]));
      }
    }
    if (memory.get(I64, 56) != bytes() || memory.byteSize() < bytes()) {
      return Optional.of("it has %d bytes, %d are needed".formatted(memory.byteSize(), bytes()));
    }
    return Optional.empty();
  }

  /// The number that whoever made this memory gave it.
  static UUID id(MemorySegment memory) {
    return new UUID(memory.get(I64, 64), memory.get(I64, 72));
  }
}
