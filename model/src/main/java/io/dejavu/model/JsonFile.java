package io.dejavu.model;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.TokenStreamFactory;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.core.json.JsonReadFeature;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/// Reads JSON that comes with a checkpoint. Keys that appear twice, deep nests and absurd numbers
/// are refused; `NaN` and `Infinity` are read, because Python writes them.
final class JsonFile {
  /// The largest configuration that we read; real ones have some kilobytes.
  private static final long CONFIG_BYTES = 16L << 20;

  private static final JsonFactory FACTORY =
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
          .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
          .build();
  private static final JsonMapper MAPPER =
      JsonMapper.builder(FACTORY).enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).build();

  private JsonFile() {}

  /// A whole file that holds one object.
  static JsonNode object(Path file) {
    return object(file, bytes(file, CONFIG_BYTES));
  }

  static JsonNode object(Path file, byte[] json) {
    try {
      var node = MAPPER.readTree(json);
      if (!node.isObject()) {
        throw new CheckpointException(file, "is not a JSON object");
      }
      return node;
    } catch (JacksonException e) {
      throw invalid(file, e);
    }
  }

  /// Value by value, for what is too large for a tree.
  static JsonParser parser(byte[] json) {
    return FACTORY.createParser(ObjectReadContext.empty(), json);
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
