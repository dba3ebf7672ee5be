package io.dejavu.api;

import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.TokenStreamLocation;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/// JSON of requests and answers: bounded in depth, lengths of names and of numbers.
final class Json {
  static final int DEPTH = 100;

  private static final JsonMapper MAPPER =
      new JsonMapper(
          JsonFactory.builder()
              .streamReadConstraints(
                  StreamReadConstraints.builder()
                      .maxNestingDepth(DEPTH)
                      .maxNameLength(1_000)
                      .maxNumberLength(100)
                      .maxStringLength(Integer.MAX_VALUE) // the body's limit is lower
                      .build())
              .build());

  private Json() {}

  /// @throws HttpError 400 if this is not one JSON object
  static ObjectNode object(byte[] body) {
    if (body.length == 0) {
      throw HttpError.malformed("the body is empty; a JSON object is expected");
    }
    JsonNode node;
    try {
      node = MAPPER.readTree(body);
    } catch (JacksonException e) {
      throw HttpError.malformed("the body is not valid JSON: " + JsonMistake.of(e, end(body)));
    }
    if (node instanceof ObjectNode object) {
      return object;
    }
    throw HttpError.malformed("the body is not a JSON object: {\"field\": value, …} is expected");
  }

  /// How far a text can be read.
  private static @Nullable TokenStreamLocation end(byte[] body) {
    try (var parser = MAPPER.createParser(body)) {
      try {
        while (parser.nextToken() != null) {
          parser.getString(); // a value that is too long is found when it is taken
        }
      } catch (JacksonException _) {
        // Known already; here it only says where.
      }
      return parser.currentLocation();
    } catch (JacksonException _) {
      return null;
    }
  }

  /// What `text` means, or null if it is not JSON.
  static @Nullable JsonNode valueOrNull(String text) {
    try {
      JsonNode node = MAPPER.readTree(text);
      return node.isMissingNode() ? null : node;
    } catch (JacksonException _) {
      return null;
    }
  }

  /// As plain Java: `Map`, `List`, `String`, `Long` (or `Double` where it does not fit), `Double`,
  /// `Boolean` and null.
  static @Nullable Object plain(JsonNode node) {
    return switch (node.getNodeType()) {
      case OBJECT -> {
        var map = new LinkedHashMap<String, @Nullable Object>();
        node.properties().forEach(entry -> map.put(entry.getKey(), plain(entry.getValue())));
        yield map;
      }
      case ARRAY -> {
        var list = new ArrayList<@Nullable Object>();
        node.forEach(entry -> list.add(plain(entry)));
        yield list;
      }
      case STRING -> node.stringValue();
      case BOOLEAN -> node.booleanValue();
      case NUMBER ->
          node.isIntegralNumber() && node.canConvertToLong()
              ? (Object) node.longValue()
              : (Object) node.doubleValue(Double.MAX_VALUE);
      case NULL, MISSING -> null;
      case BINARY, POJO -> throw new IllegalStateException("not from JSON: " + node.getNodeType());
    };
  }

  static byte[] bytes(ObjectNode object) {
    return MAPPER.writeValueAsBytes(object);
  }

  /// @param value writes one value
  static byte[] bytes(Consumer<JsonGenerator> value) {
    var out = new ByteArrayOutputStream(512);
    write(out, value);
    return out.toByteArray();
  }

  /// Without a tree in between: for what is written many times a second.
  static void write(OutputStream out, Consumer<JsonGenerator> value) {
    try (var json = MAPPER.createGenerator(out)) {
      value.accept(json);
    }
  }
}
