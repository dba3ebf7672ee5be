package io.dejavu.template;

import java.io.IOException;
import java.io.InputStream;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/// Recorded renderings, and variables as templates take them.
final class Goldens {
  private static final JsonMapper JSON = new JsonMapper();

  private Goldens() {}

  static JsonNode read(String resource) throws IOException {
    try (InputStream in = Goldens.class.getResourceAsStream(resource)) {
      return JSON.readTree(Objects.requireNonNull(in, resource));
    }
  }

  static Map<String, Object> variables(JsonNode node) {
    return JSON.convertValue(
        node,
        JSON.getTypeFactory().constructMapType(LinkedHashMap.class, String.class, Object.class));
  }

  static @Nullable Object value(JsonNode node) {
    return JSON.convertValue(node, Object.class);
  }
}
