package io.dejavu.api;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// Typed reading of a request: a field that is missing or null gets its default, one of a wrong
/// type or out of range becomes an [HttpError] that names it. Fields nobody asks for are ignored.
///
/// @param prefix in front of the names of fields in what clients are told
record JsonFields(ObjectNode object, String prefix) {
  JsonFields(ObjectNode object) {
    this(object, "");
  }

  /// The name of a field as clients are told.
  String path(String name) {
    return prefix + name;
  }

  /// The value, or null if it is missing or null.
  @Nullable JsonNode get(String name) {
    JsonNode node = object.get(name);
    return node == null || node.isNull() ? null : node;
  }

  boolean has(String name) {
    return get(name) != null;
  }

  boolean flag(String name, boolean otherwise) {
    JsonNode node = get(name);
    if (node == null) {
      return otherwise;
    }
    if (!node.isBoolean()) {
      throw wrongType(path(name), "a boolean", node);
    }
    return node.booleanValue();
  }

  int integer(String name, int otherwise, int least, int most) {
    JsonNode node = get(name);
    return node == null ? otherwise : integer(path(name), node, least, most);
  }

  static int integer(String name, JsonNode node, int least, int most) {
    if (!whole(node)) {
      throw wrongType(name, "an integer", node);
    }
    if (!node.canConvertToInt() || node.intValue() < least || node.intValue() > most) {
      throw HttpError.invalid(
          name, "%s is %s, must be between %d and %d".formatted(name, brief(node), least, most));
    }
    return node.intValue();
  }

  /// Any 64-bit integer, or null.
  @Nullable Long number64(String name) {
    JsonNode node = get(name);
    if (node == null) {
      return null;
    }
    if (!whole(node) || !node.canConvertToLong()) {
      throw wrongType(path(name), "a 64-bit integer", node);
    }
    return node.longValue();
  }

  float number(String name, float otherwise, float least, float most) {
    JsonNode node = get(name);
    return node == null ? otherwise : number(path(name), node, least, most);
  }

  static float number(String name, JsonNode node, float least, float most) {
    if (!node.isNumber()) {
      throw wrongType(name, "a number", node);
    }
    double value = node.doubleValue(Double.NaN);
    if (!(value >= least && value <= most)) {
      throw HttpError.invalid(
          name, "%s is %s, must be between %s and %s".formatted(name, brief(node), least, most));
    }
    return (float) value;
  }

  @Nullable String text(String name) {
    JsonNode node = get(name);
    if (node == null) {
      return null;
    }
    if (!node.isString()) {
      throw wrongType(path(name), "a string", node);
    }
    return node.stringValue();
  }

  /// A string that has to be there.
  String required(String name) {
    String text = text(name);
    if (text == null) {
      throw HttpError.missing(path(name));
    }
    return text;
  }

  /// The fields of an object that has to be there.
  JsonFields object(String name) {
    JsonNode node = get(name);
    if (node == null) {
      throw HttpError.missing(path(name));
    }
    if (!(node instanceof ObjectNode inner)) {
      throw wrongType(path(name), "an object", node);
    }
    return new JsonFields(inner, path(name) + ".");
  }

  /// A string or a list of strings, none empty.
  List<String> texts(String name, int most) {
    JsonNode node = get(name);
    if (node == null) {
      return List.of();
    }
    var texts = new ArrayList<String>();
    for (JsonNode entry : node.isArray() ? listed(name, node, most) : List.of(node)) {
      if (!entry.isString()) {
        throw wrongType(name, "a string or a list of strings", entry);
      }
      if (entry.stringValue().isEmpty()) {
        throw HttpError.invalid(name, name + " contains an empty string");
      }
      texts.add(entry.stringValue());
    }
    return texts;
  }

  /// A list of token ids below `vocabulary`.
  List<Integer> ids(String name, int most, int vocabulary) {
    JsonNode node = get(name);
    if (node == null) {
      return List.of();
    }
    if (!node.isArray()) {
      throw wrongType(path(name), "a list of token ids", node);
    }
    var ids = new ArrayList<Integer>();
    for (JsonNode entry : listed(name, node, most)) {
      ids.add(integer(name, entry, 0, vocabulary - 1));
    }
    return ids;
  }

  /// An object from token ids (as strings) to numbers.
  Map<Integer, Float> numbersById(
      String name, int most, int vocabulary, float least, float greatest) {
    JsonNode node = get(name);
    if (node == null) {
      return Map.of();
    }
    if (!node.isObject()) {
      throw wrongType(path(name), "an object from token ids to numbers", node);
    }
    if (node.size() > most) {
      throw HttpError.invalid(
          name, "%s has %d entries, at most %d".formatted(name, node.size(), most));
    }
    var numbers = new HashMap<Integer, Float>();
    for (var entry : node.properties()) {
      numbers.put(
          id(name, entry.getKey(), vocabulary), number(name, entry.getValue(), least, greatest));
    }
    return numbers;
  }

  private static int id(String name, String key, int vocabulary) {
    int id;
    try {
      id = Integer.parseInt(key);
    } catch (NumberFormatException _) {
      id = -1;
    }
    if (id < 0 || id >= vocabulary) {
      throw HttpError.invalid(
          name, "%s: \"%s\" is not a token id below %d".formatted(name, brief(key), vocabulary));
    }
    return id;
  }

  private static Iterable<JsonNode> listed(String name, JsonNode list, int most) {
    if (list.size() > most) {
      throw HttpError.invalid(
          name, "%s has %d entries, at most %d".formatted(name, list.size(), most));
    }
    return list;
  }

  /// 16 and 16.0 are both the integer 16.
  private static boolean whole(JsonNode node) {
    return node.isNumber() && node.canConvertToExactIntegral();
  }

  static HttpError wrongType(String name, String expected, JsonNode found) {
    return new HttpError(
        400,
        "invalid_request_error",
        "%s must be %s, not %s".formatted(name, expected, kind(found)),
        name,
        "invalid_type");
  }

  private static String kind(JsonNode node) {
    return switch (node.getNodeType()) {
      case ARRAY -> "a list";
      case OBJECT -> "an object";
      case STRING -> "a string";
      case NUMBER -> "the number " + brief(node);
      case BOOLEAN -> "a boolean";
      case NULL -> "null";
      case BINARY, POJO, MISSING -> "something else";
    };
  }

  private static String brief(JsonNode node) {
    return brief(node.toString());
  }

  static String brief(String text) {
    return text.length() <= 40 ? text : text.substring(0, 40) + "…";
  }
}
