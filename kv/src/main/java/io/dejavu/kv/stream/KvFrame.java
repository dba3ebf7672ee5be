package io.dejavu.kv.stream;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import io.dejavu.kv.HeadRange;
import io.dejavu.kv.LayerRange;
import io.dejavu.kv.TokenRange;
import io.dejavu.kv.stream.KvMessage.Piece;
import io.dejavu.tensor.DType;
import io.dejavu.transport.Connection;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32C;

/// The head of a frame of a KV stream, little-endian: a fixed part, then messages. The body is the
/// bytes of its parts, in their order. `docs/wire-format.md` draws every message.
///
/// ```
///  0        4        8         10      12      14     16       24
///  +--------+--------+---------+-------+-------+------+--------+----------
///  | crc32c | "dvkv" | version | flags | count | 0    | number | messages …
///  +--------+--------+---------+-------+-------+------+--------+----------
///  crc32c of all that follows it in the head
///
///  0      2      4
///  +------+------+---------
///  | kind | size | fields …        size in bytes, these four included
///  +------+------+---------
/// ```
///
/// @param number of the frame on its lane, from 1
/// @param more the sender has another frame ready: an acknowledgement can wait for it
/// @param checked parts carry checksums
record KvFrame(long number, boolean more, boolean checked, List<KvMessage> messages) {
  static final int MAGIC = 'd' | 'v' << 8 | 'k' << 16 | 'v' << 24;
  static final int VERSION = 1;
  static final int HEADER = 24;

  /// Most bytes of any message but {@link KvMessage.Ended}.
  static final int MOST_MESSAGE = 64;

  /// Most bytes of a reason.
  static final int MOST_WHY = 256;

  private static final int MORE = 1;
  private static final int CHECKED = 2;

  private static final ValueLayout.OfShort I16 =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt I32 =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong I64 =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private static final int OFFER = 1;
  private static final int PART = 2;
  private static final int COMMIT = 3;
  private static final int FINISH = 4;
  private static final int CANCEL = 5;
  private static final int RENEW = 6;
  private static final int ACK = 16;
  private static final int WAITING = 17;
  private static final int GRANTED = 18;
  private static final int COMMITTED = 19;
  private static final int RESEND = 20;
  private static final int ENDED = 21;

  /// Writes it.
  ///
  /// @param head of {@link Connection#MOST_HEAD} bytes
  /// @return what of it was written
  MemorySegment write(MemorySegment head) {
    var out = new Writer(head);
    for (var message : messages) {
      out.message(message);
    }
    head.set(I32, 4, MAGIC);
    head.set(I16, 8, (short) VERSION);
    head.set(I16, 10, (short) ((more ? MORE : 0) | (checked ? CHECKED : 0)));
    head.set(I16, 12, (short) messages.size());
    head.set(I16, 14, (short) 0);
    head.set(I64, 16, number);
    head.set(I32, 0, checksum(head.asSlice(4, out.at - 4)));
    return head.asSlice(0, out.at);
  }

  /// Reads it.
  ///
  /// @throws BadFrame if it is none
  static KvFrame read(MemorySegment head) throws BadFrame {
    long size = head.byteSize();
    if (size < HEADER || size > Connection.MOST_HEAD) {
      throw new BadFrame("a head of %d bytes".formatted(size));
    }
    if (head.get(I32, 0) != checksum(head.asSlice(4))) {
      throw new BadFrame("a head of %d bytes that does not fit its checksum".formatted(size));
    }
    if (head.get(I32, 4) != MAGIC || head.get(I16, 8) != VERSION) {
      throw new BadFrame(
          "magic %08x, version %d".formatted(head.get(I32, 4), (int) head.get(I16, 8)));
    }
    int flags = head.get(I16, 10);
    int count = Short.toUnsignedInt(head.get(I16, 12));
    var messages = new ArrayList<KvMessage>(Math.min(count, 1024));
    var in = new Reader(head);
    try {
      for (int i = 0; i < count; i++) {
        messages.add(in.message());
      }
    } catch (IllegalArgumentException | IndexOutOfBoundsException e) {
      throw new BadFrame("message %d of %d: %s".formatted(messages.size(), count, e.getMessage()));
    }
    if (in.at != size) {
      throw new BadFrame("%d of %d bytes of a head are messages".formatted(in.at, size));
    }
    return new KvFrame(head.get(I64, 16), (flags & MORE) != 0, (flags & CHECKED) != 0, messages);
  }

  /// CRC32C.
  static int checksum(MemorySegment bytes) {
    var crc = new CRC32C();
    crc.update(bytes.asByteBuffer());
    return (int) crc.getValue();
  }

  private static final class Writer {
    private final MemorySegment head;
    private int at = HEADER;

    Writer(MemorySegment head) {
      this.head = head;
    }

    void message(KvMessage message) {
      int start = at;
      at += 4;
      int kind = fields(message);
      head.set(I16, start, (short) kind);
      head.set(I16, start + 2L, (short) (at - start));
    }

    private int fields(KvMessage message) {
      return switch (message) {
        case KvMessage.Offer(int stream, KvOffer offer) -> {
          ints(stream, offer.epoch());
          i64(offer.request());
          ints(offer.layers().start(), offer.layers().end());
          ints(offer.heads().start(), offer.heads().end());
          ints(offer.headSize(), code(offer.type()), offer.wireTokens());
          ints(offer.tokens().start(), offer.tokens().end());
          yield OFFER;
        }
        case KvMessage.Part(Piece piece, int bytes, int checksum) -> {
          piece(piece);
          ints(bytes, checksum);
          yield PART;
        }
        case KvMessage.Commit(int stream, int epoch, int tokens) -> {
          ints(stream, epoch, tokens);
          yield COMMIT;
        }
        case KvMessage.Finish(int stream, int epoch, int tokens) -> {
          ints(stream, epoch, tokens);
          yield FINISH;
        }
        case KvMessage.Cancel(int stream, int epoch) -> {
          ints(stream, epoch);
          yield CANCEL;
        }
        case KvMessage.Renew(int stream, int epoch) -> {
          ints(stream, epoch);
          yield RENEW;
        }
        case KvMessage.Ack(long frames) -> {
          i64(frames);
          yield ACK;
        }
        case KvMessage.Waiting(int stream, int epoch) -> {
          ints(stream, epoch);
          yield WAITING;
        }
        case KvMessage.Granted(int stream, int epoch, int room) -> {
          ints(stream, epoch, room);
          yield GRANTED;
        }
        case KvMessage.Committed(int stream, int epoch, int tokens) -> {
          ints(stream, epoch, tokens);
          yield COMMITTED;
        }
        case KvMessage.Resend(Piece piece) -> {
          piece(piece);
          yield RESEND;
        }
        case KvMessage.Ended(int stream, int epoch, var end, int tokens, String why) -> {
          ints(stream, epoch, end.code, tokens);
          text(why);
          yield ENDED;
        }
      };
    }

    private void piece(Piece piece) {
      ints(piece.stream(), piece.epoch());
      ints(piece.layers().start(), piece.layers().end());
      ints(piece.tokens().start(), piece.tokens().end());
    }

    private void ints(int... values) {
      for (int value : values) {
        head.set(I32, at, value);
        at += 4;
      }
    }

    private void i64(long value) {
      head.set(I64, at, value);
      at += 8;
    }

    private void text(String text) {
      var bytes = text.getBytes(StandardCharsets.UTF_8);
      int size = Math.min(bytes.length, MOST_WHY);
      MemorySegment.copy(bytes, 0, head, JAVA_BYTE, at, size);
      at += size;
    }
  }

  private static final class Reader {
    private final MemorySegment head;
    private int at = HEADER;
    private int end;

    Reader(MemorySegment head) {
      this.head = head;
    }

    KvMessage message() {
      int kind = Short.toUnsignedInt(head.get(I16, at));
      end = at + Short.toUnsignedInt(head.get(I16, at + 2L));
      at += 4;
      var message = fields(kind);
      if (at != end) {
        throw new IllegalArgumentException("kind %d, %d bytes off".formatted(kind, end - at));
      }
      return message;
    }

    private KvMessage fields(int kind) {
      return switch (kind) {
        case OFFER -> offer();
        case PART -> new KvMessage.Part(piece(), i32(), i32());
        case COMMIT -> new KvMessage.Commit(i32(), i32(), i32());
        case FINISH -> new KvMessage.Finish(i32(), i32(), i32());
        case CANCEL -> new KvMessage.Cancel(i32(), i32());
        case RENEW -> new KvMessage.Renew(i32(), i32());
        case ACK -> new KvMessage.Ack(i64());
        case WAITING -> new KvMessage.Waiting(i32(), i32());
        case GRANTED -> new KvMessage.Granted(i32(), i32(), i32());
        case COMMITTED -> new KvMessage.Committed(i32(), i32(), i32());
        case RESEND -> new KvMessage.Resend(piece());
        case ENDED -> new KvMessage.Ended(i32(), i32(), end(i32()), i32(), text());
        default -> throw new IllegalArgumentException("kind " + kind);
      };
    }

    private KvMessage.Offer offer() {
      int stream = i32();
      int epoch = i32();
      long request = i64();
      var layers = new LayerRange(i32(), i32());
      var heads = new HeadRange(i32(), i32());
      return new KvMessage.Offer(
          stream,
          new KvOffer(
              request,
              epoch,
              layers,
              heads,
              i32(),
              type(i32()),
              i32(),
              new TokenRange(i32(), i32())));
    }

    private Piece piece() {
      return new Piece(i32(), i32(), new LayerRange(i32(), i32()), new TokenRange(i32(), i32()));
    }

    private int i32() {
      int value = head.get(I32, at);
      at += 4;
      return value;
    }

    private long i64() {
      long value = head.get(I64, at);
      at += 8;
      return value;
    }

    private String text() {
      var bytes = head.asSlice(at, end - at).toArray(JAVA_BYTE);
      at = end;
      return new String(bytes, StandardCharsets.UTF_8);
    }

    private static KvMessage.End end(int code) {
      for (var end : KvMessage.End.values()) {
        if (end.code == code) {
          return end;
        }
      }
      throw new IllegalArgumentException("end " + code);
    }
  }

  /// A type's number on the wire; of elements that stand alone.
  private static int code(DType type) {
    return switch (type) {
      case F32 -> 1;
      case F16 -> 2;
      case BF16 -> 3;
      case I32, I8, I4 ->
          throw new IllegalArgumentException("keys and values of type %s".formatted(type));
    };
  }

  private static DType type(int code) {
    return switch (code) {
      case 1 -> DType.F32;
      case 2 -> DType.F16;
      case 3 -> DType.BF16;
      default -> throw new IllegalArgumentException("element type " + code);
    };
  }
}
