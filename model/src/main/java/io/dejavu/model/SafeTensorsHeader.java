package io.dejavu.model;

import io.dejavu.tensor.MappedFile;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;

/// Reads and checks what a safetensors file says about itself.
///
/// ```
///  0        8                    8 + n                     end of file
///  +--------+--------------------+---------------------------+
///  | n, u64 | JSON, n bytes      | tensors, one after another|
///  +--------+--------------------+---------------------------+
/// ```
///
/// Little-endian. The JSON maps a tensor's name to `dtype`, `shape` and `data_offsets` `[begin,
/// end)`, counted from byte `8 + n`. As in the reference implementation, the tensors must cover the
/// rest of the file without gaps or overlaps. `__metadata__` is skipped.
///
/// Source: https://github.com/huggingface/safetensors, "Format".
final class SafeTensorsHeader {
  /// Largest header that is read. Some 200 bytes describe a tensor.
  static final int MOST_BYTES = 32 << 20;

  /// Most tensors of a checkpoint; the largest published ones have some 100,000.
  static final int MOST_TENSORS = 1 << 18;

  private static final int MOST_DIMENSIONS = 8;
  private static final ValueLayout.OfLong U64 =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final MappedFile file;
  private final List<Entry> entries = new ArrayList<>();
  private String tensor = "";

  private record Entry(String name, TensorType type, int[] shape, long begin, long end) {}

  private SafeTensorsHeader(MappedFile file) {
    this.file = file;
  }

  /// The tensors of `file`, by name.
  static Map<String, StoredTensor> read(MappedFile file) {
    var header = new SafeTensorsHeader(file);
    try {
      return header.read();
    } catch (JacksonException e) {
      throw new CheckpointException(
          file.path(), "header is not valid JSON: " + e.getOriginalMessage(), e);
    }
  }

  private Map<String, StoredTensor> read() {
    var bytes = file.bytes();
    if (bytes.byteSize() < 8) {
      throw file("has %d bytes, too few for a safetensors file".formatted(bytes.byteSize()));
    }
    long size = bytes.get(U64, 0);
    if (size < 2 || size > bytes.byteSize() - 8) {
      throw file(
          "says that its header has %s bytes, but only %,d follow: cut, or not a safetensors file"
              .formatted(Long.toUnsignedString(size), bytes.byteSize() - 8));
    }
    if (size > MOST_BYTES) {
      throw file("has a header of %,d bytes; at most %,d are read".formatted(size, MOST_BYTES));
    }
    var json = new byte[(int) size];
    MemorySegment.copy(bytes, ValueLayout.JAVA_BYTE, 8, json, 0, json.length);
    if (json[0] != '{') {
      throw file("has a header that does not begin with '{': not a safetensors file");
    }
    try (var parser = JsonFile.parser(json)) {
      parse(parser);
    }
    return tensors(8 + size, bytes.byteSize() - 8 - size);
  }

  private void parse(JsonParser json) {
    json.nextToken();
    while (json.nextToken() == JsonToken.PROPERTY_NAME) {
      var name = json.currentName();
      json.nextToken();
      if (name.equals("__metadata__")) {
        json.skipChildren();
      } else {
        tensor = name;
        entries.add(entry(name, json));
        if (entries.size() > MOST_TENSORS) {
          throw file("has more than %,d tensors".formatted(MOST_TENSORS));
        }
      }
    }
    if (json.nextToken() != null) {
      throw file("has something after the JSON object of its header");
    }
  }

  private Entry entry(String name, JsonParser json) {
    if (json.currentToken() != JsonToken.START_OBJECT) {
      throw tensor("is not described by a JSON object");
    }
    TensorType type = null;
    long[] shape = null;
    long[] offsets = null;
    while (json.nextToken() == JsonToken.PROPERTY_NAME) {
      var key = json.currentName();
      json.nextToken();
      switch (key) {
        case "dtype" -> type = type(json);
        case "shape" -> shape = numbers(json, key);
        case "data_offsets" -> offsets = numbers(json, key);
        default -> json.skipChildren();
      }
    }
    if (type == null || shape == null || offsets == null) {
      throw tensor("lacks one of dtype, shape and data_offsets");
    }
    if (offsets.length != 2 || offsets[0] > offsets[1]) {
      throw tensor("has data_offsets that are not [begin, end]");
    }
    return new Entry(name, type, dimensions(shape), offsets[0], offsets[1]);
  }

  private TensorType type(JsonParser json) {
    var name = json.currentToken() == JsonToken.VALUE_STRING ? json.getString() : "";
    var type = TensorType.of(name);
    if (type == null) {
      throw tensor("has an unknown dtype \"%s\"".formatted(name));
    }
    return type;
  }

  private long[] numbers(JsonParser json, String key) {
    if (json.currentToken() != JsonToken.START_ARRAY) {
      throw tensor(key + " is not a list");
    }
    var numbers = new long[MOST_DIMENSIONS];
    int count = 0;
    while (json.nextToken() != JsonToken.END_ARRAY) {
      boolean whole =
          json.currentToken() == JsonToken.VALUE_NUMBER_INT
              && json.getNumberType() != JsonParser.NumberType.BIG_INTEGER;
      if (!whole || json.getLongValue() < 0) {
        throw tensor(key + " holds something else than whole numbers from 0");
      }
      if (count == MOST_DIMENSIONS) {
        throw tensor("%s has more than %d entries".formatted(key, MOST_DIMENSIONS));
      }
      numbers[count++] = json.getLongValue();
    }
    return Arrays.copyOf(numbers, count);
  }

  private int[] dimensions(long[] shape) {
    var dimensions = new int[shape.length];
    for (int i = 0; i < shape.length; i++) {
      if (shape[i] > Integer.MAX_VALUE) {
        throw tensor("has a dimension of %,d".formatted(shape[i]));
      }
      dimensions[i] = (int) shape[i];
    }
    return dimensions;
  }

  /// Checks where the tensors lie, in `space` bytes from `start`.
  private Map<String, StoredTensor> tensors(long start, long space) {
    entries.sort(Comparator.comparingLong(Entry::begin).thenComparingLong(Entry::end));
    var tensors = new LinkedHashMap<String, StoredTensor>();
    long at = 0;
    for (var entry : entries) {
      tensor = entry.name();
      checkSize(entry);
      if (entry.end() > space) {
        throw tensor(
            "ends at byte %,d of %,d: the file was cut, or its header is wrong"
                .formatted(entry.end(), space));
      }
      if (entry.begin() != at) {
        throw tensor(
            "begins at byte %,d, but the tensor before it ends at %,d: they %s"
                .formatted(entry.begin(), at, entry.begin() < at ? "overlap" : "leave a gap"));
      }
      if (entry.begin() * 8 % entry.type().bits() != 0 && entry.end() > entry.begin()) {
        throw tensor("begins at byte %,d, which is no multiple of its element size".formatted(at));
      }
      at = entry.end();
      tensors.put(
          entry.name(),
          new StoredTensor(file, entry.name(), entry.type(), entry.shape(), start + entry.begin()));
    }
    if (at != space) {
      throw file("has %,d bytes after its last tensor that belong to none".formatted(space - at));
    }
    return tensors;
  }

  private void checkSize(Entry entry) {
    long bits = entry.type().bits();
    try {
      for (int n : entry.shape()) {
        bits = Math.multiplyExact(bits, (long) n);
      }
    } catch (ArithmeticException _) {
      throw tensor("has a shape of too many elements: " + Arrays.toString(entry.shape()));
    }
    long bytes = entry.end() - entry.begin();
    if (bits % 8 != 0 || bits / 8 != bytes) {
      throw tensor(
          "has %,d bytes, but its shape %s of %s takes %,d"
              .formatted(
                  bytes, Arrays.toString(entry.shape()), entry.type(), Math.ceilDiv(bits, 8L)));
    }
  }

  private CheckpointException file(String problem) {
    return new CheckpointException(file.path(), problem);
  }

  private CheckpointException tensor(String problem) {
    return new CheckpointException(file.path(), "tensor \"%s\" %s".formatted(tensor, problem));
  }
}
