package io.dejavu.serve.bench.kv;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import io.dejavu.kv.LayerRange;
import io.dejavu.kv.TokenRange;
import io.dejavu.serve.bench.kv.BenchSequences.Part;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/// What {@link PlainLink} says ahead of keys and values, in the byte order of this machine:
///
/// ```
///  0      4          8              12           16
///  +------+----------+--------------+------------+----------------------------
///  | 1    |          | byte offset               |
///  | 2    | answered | first layer | last, + 1   | sequence, first token, last + 1; …
///  | 3    |
///  +------+
/// ```
sealed interface PlainMessage {
  /// Most parts of a message.
  int MOST_PARTS = 256;

  /// Bytes of the longest.
  int MOST_BYTES = 16 + 12 * MOST_PARTS;

  /// The body lies there in the memory.
  record Row(long offset) implements PlainMessage {}

  /// The body has these parts in wire order, one after the other.
  ///
  /// @param answered whether an answer is wanted once it is where it belongs
  record Packed(LayerRange layers, List<Part> parts, boolean answered) implements PlainMessage {}

  /// An answer is wanted once all before this is where it belongs.
  record Ask() implements PlainMessage {}

  /// @return what was written
  default MemorySegment write(MemorySegment head) {
    return switch (this) {
      case Row(var offset) -> {
        head.set(JAVA_INT_UNALIGNED, 0, 1);
        head.set(JAVA_LONG_UNALIGNED, 8, offset);
        yield head.asSlice(0, 16);
      }
      case Packed(var layers, var parts, var answered) -> {
        head.set(JAVA_INT_UNALIGNED, 0, 2);
        head.set(JAVA_INT_UNALIGNED, 4, answered ? 1 : 0);
        head.set(JAVA_INT_UNALIGNED, 8, layers.start());
        head.set(JAVA_INT_UNALIGNED, 12, layers.end());
        long at = 16;
        for (var part : parts) {
          head.set(JAVA_INT_UNALIGNED, at, part.sequence());
          head.set(JAVA_INT_UNALIGNED, at + 4, part.tokens().start());
          head.set(JAVA_INT_UNALIGNED, at + 8, part.tokens().end());
          at += 12;
        }
        yield head.asSlice(0, at);
      }
      case Ask _ -> {
        head.set(JAVA_INT_UNALIGNED, 0, 3);
        yield head.asSlice(0, 4);
      }
    };
  }

  static PlainMessage read(MemorySegment head) {
    return switch (head.get(JAVA_INT_UNALIGNED, 0)) {
      case 1 -> new Row(head.get(JAVA_LONG_UNALIGNED, 8));
      case 2 -> {
        var parts = new ArrayList<Part>();
        for (long at = 16; at < head.byteSize(); at += 12) {
          var tokens =
              new TokenRange(
                  head.get(JAVA_INT_UNALIGNED, at + 4), head.get(JAVA_INT_UNALIGNED, at + 8));
          parts.add(new Part(head.get(JAVA_INT_UNALIGNED, at), tokens));
        }
        yield new Packed(
            new LayerRange(head.get(JAVA_INT_UNALIGNED, 8), head.get(JAVA_INT_UNALIGNED, 12)),
            parts,
            head.get(JAVA_INT_UNALIGNED, 4) == 1);
      }
      case 3 -> new Ask();
      default -> throw new IllegalArgumentException("no message of " + PlainLink.NAME);
    };
  }
}
