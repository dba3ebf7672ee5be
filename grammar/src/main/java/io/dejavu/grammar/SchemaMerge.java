package io.dejavu.grammar;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.BooleanNode;
import tools.jackson.databind.node.ObjectNode;
import tools.jackson.databind.node.StringNode;

/// Looks things up in a schema, and makes one schema of two that must both hold.
final class SchemaMerge {
  /// What says nothing about values.
  private static final Set<String> ANNOTATIONS =
      Set.of(
          "title",
          "description",
          "default",
          "examples",
          "example",
          "deprecated",
          "readOnly",
          "writeOnly",
          "$schema",
          "$id",
          "$comment",
          "$defs",
          "definitions",
          "$anchor",
          "$vocabulary",
          "contentMediaType",
          "contentEncoding",
          "contentSchema");

  private final JsonNode root;
  private int depth;

  SchemaMerge(JsonNode root) {
    this.root = root;
  }

  /// Whether a schema says more than what it is about.
  static boolean asserts(ObjectNode schema) {
    return !ANNOTATIONS.containsAll(schema.propertyNames());
  }

  ObjectNode without(ObjectNode schema, String name) {
    var copy = schema.objectNode();
    schema
        .properties()
        .forEach(
            entry -> {
              if (!entry.getKey().equals(name)) {
                copy.set(entry.getKey(), entry.getValue());
              }
            });
    return copy;
  }

  String text(JsonNode node, String place) {
    if (!node.isString()) {
      throw new GrammarException(place, "expected a string");
    }
    if (node.stringValue().codePoints().anyMatch(c -> !CodePoints.ALL.contains(c))) {
      throw new GrammarException(place, "half of a surrogate pair");
    }
    return node.stringValue();
  }

  void object(JsonNode node, String place) {
    if (!node.isObject()) {
      throw new GrammarException(place, "expected an object");
    }
  }

  List<JsonNode> list(ObjectNode schema, String name, String place) {
    var node = schema.get(name);
    if (!node.isArray() || node.isEmpty() && !name.equals("required")) {
      throw new GrammarException(place + "/" + name, "expected an array that is not empty");
    }
    return List.copyOf(node.values());
  }

  BigDecimal number(JsonNode node, String place) {
    if (!node.isNumber()) {
      throw new GrammarException(place, "expected a number");
    }
    var value = node.decimalValue();
    if (!NumberRange.isReasonable(value)) {
      throw new GrammarException(place, "a number of more than 60 digits");
    }
    return value;
  }

  int count(ObjectNode schema, String name, int absent, String place) {
    var node = schema.get(name);
    if (node == null) {
      return absent;
    }
    var value = number(node, place + "/" + name);
    if (value.signum() < 0 || value.stripTrailingZeros().scale() > 0) {
      throw new GrammarException(place + "/" + name, "expected a number of things");
    }
    if (value.compareTo(BigDecimal.valueOf(Limits.REPEATS)) > 0) {
      throw new GrammarException(
          place + "/" + name,
          "%s is too large, at most %,d is supported"
              .formatted(value.toPlainString(), Limits.REPEATS));
    }
    return value.intValueExact();
  }

  /// A name as part of a JSON pointer.
  static String escaped(String name) {
    return name.replace("~", "~0").replace("/", "~1");
  }

  /// What a reference within the schema leads to.
  JsonNode resolve(String reference, String place) {
    if (!reference.equals("#") && !reference.startsWith("#/")) {
      throw new GrammarException(
          place, "$ref \"%s\" leads out of the schema, or to an anchor".formatted(reference));
    }
    var node = root;
    for (var step : reference.equals("#") ? new String[0] : reference.substring(2).split("/", -1)) {
      var name = step.replace("~1", "/").replace("~0", "~").replace("%25", "%");
      var next =
          node.isArray() && name.matches("[0-9]{1,6}")
              ? node.get(Integer.parseInt(name))
              : node.get(name);
      if (next == null) {
        throw new GrammarException(place, "$ref \"%s\" leads nowhere".formatted(reference));
      }
      node = next;
    }
    return node;
  }

  /// A schema for what is valid against both.
  JsonNode both(JsonNode one, JsonNode other, String place) {
    if (++depth > Limits.NESTING) {
      throw new GrammarException(
          place, "more than %d merges within each other, or $ref in a circle".formatted(depth - 1));
    }
    var merged = merged(whole(one, place), whole(other, place), place);
    depth--;
    return merged;
  }

  private JsonNode merged(JsonNode a, JsonNode b, String place) {
    if (a.isBoolean()) {
      return a.booleanValue() ? b : a;
    }
    if (b.isBoolean()) {
      return b.booleanValue() ? a : b;
    }
    object(a, place);
    object(b, place);
    var merged = ((ObjectNode) a).deepCopy();
    mergeProperties((ObjectNode) a, (ObjectNode) b, merged, place);
    for (var entry : b.properties()) {
      var name = entry.getKey();
      var mine = a.get(name);
      if (Set.of("properties", "additionalProperties").contains(name)) {
        continue;
      }
      merged.set(
          name, mine == null ? entry.getValue() : keyword(name, mine, entry.getValue(), place));
    }
    var types = merged.get("type");
    return types != null && types.isArray() && types.isEmpty() ? BooleanNode.FALSE : merged;
  }

  /// A schema without `$ref` of its own: with what that leads to instead.
  private JsonNode whole(JsonNode schema, String place) {
    if (!schema.has("$ref")) {
      return schema;
    }
    var target = resolve(text(schema.get("$ref"), place + "/$ref"), place);
    return both(target, without((ObjectNode) schema, "$ref"), place);
  }

  private JsonNode keyword(String name, JsonNode a, JsonNode b, String place) {
    if (a.equals(b) || ANNOTATIONS.contains(name)) {
      return a;
    }
    return switch (name) {
      case "required" -> union(a, b);
      case "type" -> commonTypes(a, b, place);
      case "enum" -> common(a, b);
      case "minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties" ->
          number(a, place).compareTo(number(b, place)) >= 0 ? a : b;
      case "maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties" ->
          number(a, place).compareTo(number(b, place)) <= 0 ? a : b;
      case "items" -> allOf(a, b);
      case "allOf" -> concatenated(a, b);
      case "anyOf", "oneOf" -> products(a, b, place);
      default ->
          throw new GrammarException(place, "cannot combine one %s with another".formatted(name));
    };
  }

  /// Each property must satisfy what either schema says of it: of a property that one does not
  /// declare, its `additionalProperties`.
  private void mergeProperties(ObjectNode a, ObjectNode b, ObjectNode merged, String place) {
    var names = new LinkedHashSet<String>();
    for (var schema : List.of(a, b)) {
      if (schema.has("properties")) {
        object(schema.get("properties"), place + "/properties");
        names.addAll(schema.get("properties").propertyNames());
      }
    }
    if (!names.isEmpty()) {
      var properties = a.objectNode();
      for (var name : names) {
        properties.set(name, allOf(property(a, name), property(b, name)));
      }
      merged.set("properties", properties);
    }
    var mine = a.get("additionalProperties");
    var other = b.get("additionalProperties");
    if (mine != null && other != null) {
      merged.set("additionalProperties", allOf(mine, other));
    } else if (other != null) {
      merged.set("additionalProperties", other);
    }
  }

  private static JsonNode property(ObjectNode schema, String name) {
    var properties = schema.get("properties");
    if (properties != null && properties.has(name)) {
      return properties.get(name);
    }
    var additional = schema.get("additionalProperties");
    return additional == null ? BooleanNode.TRUE : additional;
  }

  private JsonNode allOf(JsonNode a, JsonNode b) {
    if (a.equals(b) || b.isBoolean() && b.booleanValue()) {
      return a;
    }
    if (a.isBoolean()) {
      return a.booleanValue() ? b : a;
    }
    if (b.isBoolean()) {
      return b;
    }
    var both = ((ObjectNode) root).objectNode();
    both.putArray("allOf").add(a).add(b);
    return both;
  }

  private JsonNode union(JsonNode a, JsonNode b) {
    var all = new LinkedHashSet<JsonNode>();
    a.valueStream().forEach(all::add);
    b.valueStream().forEach(all::add);
    return array(all.stream());
  }

  private JsonNode common(JsonNode a, JsonNode b) {
    var others = new HashSet<JsonNode>();
    b.valueStream().forEach(others::add);
    return array(a.valueStream().filter(others::contains));
  }

  private JsonNode concatenated(JsonNode a, JsonNode b) {
    return array(Stream.concat(a.valueStream(), b.valueStream()));
  }

  private JsonNode commonTypes(JsonNode a, JsonNode b, String place) {
    var types = new LinkedHashSet<String>();
    for (var one : a.isArray() ? a.values() : List.of(a)) {
      for (var other : b.isArray() ? b.values() : List.of(b)) {
        if (one.equals(other)) {
          types.add(text(one, place));
        } else if (Set.of(text(one, place), text(other, place))
            .equals(Set.of("number", "integer"))) {
          types.add("integer");
        }
      }
    }
    return array(types.stream().map(StringNode::valueOf));
  }

  private JsonNode products(JsonNode a, JsonNode b, String place) {
    if (a.size() * (long) b.size() > Limits.ALTERNATIVES) {
      throw new GrammarException(
          place,
          "%d times %d alternatives, at most %d together are supported"
              .formatted(a.size(), b.size(), Limits.ALTERNATIVES));
    }
    var all = new ArrayList<JsonNode>();
    for (var one : a.values()) {
      for (var other : b.values()) {
        all.add(both(one, other, place));
      }
    }
    return array(all.stream());
  }

  private JsonNode array(Stream<? extends JsonNode> elements) {
    var array = ((ObjectNode) root).arrayNode();
    elements.forEach(array::add);
    return array;
  }
}
