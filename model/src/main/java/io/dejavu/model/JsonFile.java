package io.dejavu.model;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.TokenStreamFactory;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.core.json.JsonReadFeature;

/// Reads JSON that comes with a checkpoint. Keys that appear twice, deep nests and absurd numbers
/// are refused; `NaN` and `Infinity` are read in configurations, because Python writes them.
///
/// Values are `Map`, `List`, `String`, `Boolean`, `Long` where it fits, else `Double`, and
/// [Nothing#NULL]. (Jackson's own tree would cost a fifth of a second at every start.)
final class JsonFile {
  /// JSON's `null`.
  enum Nothing {
    NULL;

    @Override
    public String toString() {
      return "null";
    }
  }

  /// The largest configuration that we read; real ones have some kilobytes.
  private static final long CONFIG_BYTES = 16L << 20;

  private static final JsonFactory STRICT =
      JsonFactory.builder()
          // A cache of names would be filled up by vocabularies.
          .disable(TokenStreamFactory.Feature.CANONICALIZE_PROPERTY_NAMES)
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxNestingDepth(64)
                  .maxNumberLength(100)
                  .maxNameLength(64 << 10)
                  .build())
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .build();
  private static final JsonFactory PYTHONS =
      STRICT.rebuild().enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS).build();

  private JsonFile() {}

  /// A whole file that holds one object.
  static Map<String, Object> object(Path file) {
    return object(file, bytes(file, CONFIG_BYTES));
  }

  static Map<String, Object> object(Path file, byte[] json) {
    try (var parser = PYTHONS.createParser(ObjectReadContext.empty(), json)) {
      if (parser.nextToken() != JsonToken.START_OBJECT) {
        throw new CheckpointException(file, "is not a JSON object");
      }
      var object = object(parser);
      if (parser.nextToken() != null) {
        throw new CheckpointException(file, "goes on after its JSON object");
      }
      return object;
    } catch (JacksonException e) {
      throw invalid(file, e);
    }
  }

  private static Map<String, Object> object(JsonParser parser) {
    var object = new LinkedHashMap<String, Object>();
    while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
      var key = parser.currentName();
      parser.nextToken();
      object.put(key, value(parser));
    }
    return object;
  }

  private static List<Object> list(JsonParser parser) {
    var list = new ArrayList<>();
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      list.add(value(parser));
    }
    return list;
  }

  /// The value that `parser` stands at.
  static Object value(JsonParser parser) {
    return switch (parser.currentToken()) {
      case START_OBJECT -> object(parser);
      case START_ARRAY -> list(parser);
      case VALUE_STRING -> parser.getString();
      case VALUE_TRUE -> true;
      case VALUE_FALSE -> false;
      case VALUE_NULL -> Nothing.NULL;
      case VALUE_NUMBER_INT -> whole(parser);
      case VALUE_NUMBER_FLOAT -> parser.getDoubleValue();
      case NOT_AVAILABLE, END_OBJECT, END_ARRAY, PROPERTY_NAME, VALUE_EMBEDDED_OBJECT ->
          throw new IllegalStateException("no value: " + parser.currentToken());
    };
  }

  private static Object whole(JsonParser parser) {
    if (parser.getNumberType() == JsonParser.NumberType.BIG_INTEGER) {
      return parser.getDoubleValue();
    }
    return parser.getLongValue();
  }

  /// Value by value, for what is too large to be held as a whole. JSON to the letter.
  static JsonParser parser(byte[] json) {
    return STRICT.createParser(ObjectReadContext.empty(), json);
  }

  static byte[] bytes(Path file, long most) {
    try {
      long size = Files.size(file);
      if (size > most) {
        throw new CheckpointException(
            file, "has %,d bytes; at most %,d are read".formatted(size, most));
      }
      return Files.readAllBytes(file);
    } catch (IOException e) {
      throw new CheckpointException(file, "cannot be read: " + e.getMessage(), e);
    }
  }

  static CheckpointException invalid(Path file, JacksonException e) {
    var at = e.getLocation();
    var where =
        at == null ? "" : " at line %d, column %d".formatted(at.getLineNr(), at.getColumnNr());
    return new CheckpointException(
        file, "is not valid JSON%s: %s".formatted(where, e.getOriginalMessage()), e);
  }
}
