package io.dejavu.observe;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

/// As much of protocol buffers as it takes to read an `ExportTraceServiceRequest`: fields by
/// number, nested messages within.
record Protobuf(List<Field> fields) {
  /// @param bytes of a string or message; empty for numbers
  record Field(int number, long value, byte[] bytes) {}

  /// @param parent hexadecimal; empty: none
  record Span(String trace, String id, String parent, String name, long begin, long end) {}

  static Protobuf of(byte[] message) {
    var in = ByteBuffer.wrap(message).order(ByteOrder.LITTLE_ENDIAN);
    var fields = new ArrayList<Field>();
    while (in.hasRemaining()) {
      long tag = varint(in);
      int number = (int) (tag >>> 3);
      switch ((int) tag & 7) {
        case 0 -> fields.add(new Field(number, varint(in), new byte[0]));
        case 1 -> fields.add(new Field(number, in.getLong(), new byte[0]));
        case 2 -> {
          var bytes = new byte[Math.toIntExact(varint(in))];
          in.get(bytes);
          fields.add(new Field(number, 0, bytes));
        }
        case 5 -> fields.add(new Field(number, in.getInt(), new byte[0]));
        default -> throw new IllegalArgumentException("wire type " + (tag & 7));
      }
    }
    return new Protobuf(fields);
  }

  private static long varint(ByteBuffer in) {
    long value = 0;
    for (int shift = 0; ; shift += 7) {
      byte next = in.get();
      value |= (next & 0x7FL) << shift;
      if (next >= 0) {
        return value;
      }
    }
  }

  private List<byte[]> all(int number) {
    return fields.stream().filter(field -> field.number == number).map(Field::bytes).toList();
  }

  private List<Protobuf> messages(int number) {
    return all(number).stream().map(Protobuf::of).toList();
  }

  private long number(int number) {
    return fields.stream().filter(field -> field.number == number).mapToLong(Field::value).sum();
  }

  private String hex(int number) {
    return all(number).stream().map(HexFormat.of()::formatHex).findFirst().orElse("");
  }

  /// resource_spans 1, scope_spans 2, spans 2: trace_id 1, span_id 2, parent_span_id 4, name 5,
  /// start_time_unix_nano 7, end_time_unix_nano 8.
  List<Span> spans() {
    return messages(1).stream()
        .flatMap(resource -> resource.messages(2).stream())
        .flatMap(scope -> scope.messages(2).stream())
        .map(
            span ->
                new Span(
                    span.hex(1),
                    span.hex(2),
                    span.hex(4),
                    new String(span.all(5).getFirst(), UTF_8),
                    span.number(7),
                    span.number(8)))
        .toList();
  }

  /// All strings, wherever they are; also bytes that happen to be one.
  List<String> texts() {
    var texts = new ArrayList<String>();
    for (var field : fields) {
      texts.add(new String(field.bytes, UTF_8));
      try {
        texts.addAll(of(field.bytes).texts());
      } catch (RuntimeException _) {
        // no message
      }
    }
    return texts;
  }
}
