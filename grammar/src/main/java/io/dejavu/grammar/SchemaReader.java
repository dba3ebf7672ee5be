package io.dejavu.grammar;

import java.math.BigInteger;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// Turns a JSON schema (2020-12, and what older drafts wrote instead) into parts. What it cannot
/// keep exactly it refuses, with the place in the schema; what only describes it ignores.
final class SchemaReader {
  private static final Set<String> REFUSED =
      Set.of(
          "not",
          "if",
          "then",
          "else",
          "patternProperties",
          "propertyNames",
          "dependencies",
          "dependentRequired",
          "dependentSchemas",
          "unevaluatedProperties",
          "unevaluatedItems",
          "contains",
          "minContains",
          "maxContains",
          "$dynamicRef",
          "$recursiveRef");
  private static final Map<String, Set<String>> OF_TYPE =
      Map.of(
          "object",
          Set.of(
              "properties", "required", "additionalProperties", "minProperties", "maxProperties"),
          "array",
          Set.of("items", "prefixItems", "additionalItems", "minItems", "maxItems", "uniqueItems"),
          "string",
          Set.of("minLength", "maxLength", "pattern", "format"),
          "number",
          Set.of("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"));
  private static final List<String> TYPES =
      List.of("object", "array", "string", "number", "integer", "boolean", "null");

  private final boolean strict;
  private final SchemaMerge merge;
  private final Map<String, Part.Rule> rules = new HashMap<>();
  private int depth;
  private int count;

  SchemaReader(JsonNode root, boolean strict) {
    this.strict = strict;
    merge = new SchemaMerge(root);
  }

  Part read() {
    return reference("#", "#");
  }

  /// The schema that a `$ref` names, as a rule, so that it may lead back to itself.
  private Part reference(String pointer, String place) {
    var known = rules.get(pointer);
    if (known != null) {
      return known;
    }
    var rule = new Part.Rule(pointer);
    rules.put(pointer, rule);
    rule.define(schema(merge.resolve(pointer, place), pointer));
    return rule;
  }

  private Part schema(JsonNode schema, String place) {
    if (++depth > Limits.NESTING) {
      throw new GrammarException(place, "schemas nest more than %d deep".formatted(Limits.NESTING));
    }
    if (++count > Limits.SCHEMAS) {
      throw new GrammarException(place, "more than %,d schemas".formatted(Limits.SCHEMAS));
    }
    if (!schema.isBoolean() && !schema.isObject()) {
      throw new GrammarException(place, "a schema is an object, true or false");
    }
    var part =
        schema.isBoolean()
            ? (schema.booleanValue() ? JsonText.VALUE : Part.NEVER)
            : object((ObjectNode) schema, place);
    if (part.cost() > Limits.NODES) {
      throw new GrammarException(
          place, "too large: it becomes more than %,d nodes".formatted(Limits.NODES));
    }
    depth--;
    return part;
  }

  private Part object(ObjectNode schema, String place) {
    for (var name : schema.propertyNames()) {
      if (REFUSED.contains(name)) {
        throw new GrammarException(place, name + " is not supported");
      }
    }
    if (schema.has("$ref")) {
      var pointer = merge.text(schema.get("$ref"), place + "/$ref");
      var others = merge.without(schema, "$ref");
      return SchemaMerge.asserts(others)
          ? schema(merge.both(merge.resolve(pointer, place), others, place), place)
          : reference(pointer, place);
    }
    if (schema.has("allOf")) {
      JsonNode all = merge.without(schema, "allOf");
      for (var other : merge.list(schema, "allOf", place)) {
        all = merge.both(all, other, place + "/allOf");
      }
      return schema(all, place);
    }
    for (var name : List.of("anyOf", "oneOf")) {
      if (schema.has(name)) {
        return alternatives(schema, name, place);
      }
    }
    if (schema.has("const")) {
      return values(List.of(schema.get("const")), "const", schema, place);
    }
    if (schema.has("enum")) {
      return values(merge.list(schema, "enum", place), "enum", schema, place);
    }
    var parts = new ArrayList<Part>();
    for (var type : types(schema, place)) {
      parts.add(ofType(type, schema, place));
    }
    return Part.choice(parts);
  }

  private Part alternatives(ObjectNode schema, String name, String place) {
    var others = merge.without(schema, name);
    boolean merged = SchemaMerge.asserts(others);
    var parts = new ArrayList<Part>();
    int i = 0;
    for (var alternative : merge.list(schema, name, place)) {
      var where = "%s/%s/%d".formatted(place, name, i++);
      parts.add(schema(merged ? merge.both(others, alternative, where) : alternative, where));
    }
    return Part.choice(parts);
  }

  /// Values one by one: those of the schema's types.
  private Part values(List<JsonNode> values, String name, ObjectNode schema, String place) {
    for (var keywords : OF_TYPE.values()) {
      for (var keyword : keywords) {
        if (schema.has(keyword)) {
          throw new GrammarException(
              place, "%s together with %s is not supported".formatted(name, keyword));
        }
      }
    }
    var types = schema.has("type") ? types(schema, place) : TYPES;
    var allowed = schema.has("const") && schema.has("enum") ? schema.get("enum") : null;
    var parts = new ArrayList<Part>();
    for (var value : values) {
      if (types.stream().anyMatch(type -> isOf(type, value))
          && (allowed == null || allowed.valueStream().anyMatch(value::equals))) {
        parts.add(Part.literal(json(value)));
      }
    }
    if (parts.isEmpty()) {
      throw new GrammarException(place, name + " has no value of the schema's type");
    }
    return Part.choice(parts);
  }

  private static String json(JsonNode value) {
    if (value.isString()) {
      return JsonText.string(value.stringValue());
    }
    if (value.isObject()) {
      var members = new ArrayList<String>();
      value
          .properties()
          .forEach(
              entry -> members.add(JsonText.string(entry.getKey()) + ":" + json(entry.getValue())));
      return "{" + String.join(",", members) + "}";
    }
    if (value.isArray()) {
      return "[" + String.join(",", value.valueStream().map(SchemaReader::json).toList()) + "]";
    }
    return value.toString();
  }

  private static boolean isOf(String type, JsonNode value) {
    return switch (type) {
      case "object" -> value.isObject();
      case "array" -> value.isArray();
      case "string" -> value.isString();
      case "number" -> value.isNumber();
      case "integer" ->
          value.isIntegralNumber()
              || value.isNumber() && value.decimalValue().stripTrailingZeros().scale() <= 0;
      case "boolean" -> value.isBoolean();
      default -> value.isNull();
    };
  }

  /// The types that a schema names, or that its keywords are about, or all.
  private List<String> types(ObjectNode schema, String place) {
    var types = new LinkedHashSet<String>();
    var named = schema.get("type");
    if (named != null) {
      for (var type : named.isArray() ? named.values() : List.of(named)) {
        types.add(merge.text(type, place + "/type"));
      }
      for (var type : types) {
        if (!TYPES.contains(type)) {
          throw new GrammarException(place + "/type", "no type: " + type);
        }
      }
      if (types.contains("number")) {
        types.remove("integer");
      }
    } else {
      OF_TYPE.forEach(
          (type, keywords) -> {
            if (keywords.stream().anyMatch(schema::has)) {
              types.add(type);
            }
          });
    }
    return types.isEmpty() && named == null
        ? TYPES.stream().filter(type -> !type.equals("integer")).toList()
        : types.stream().sorted().toList();
  }

  private Part ofType(String type, ObjectNode schema, String place) {
    return switch (type) {
      case "object" -> properties(schema, place);
      case "array" -> elements(schema, place);
      case "string" -> string(schema, place);
      case "number", "integer" -> number(schema, type.equals("integer"), place);
      case "boolean" -> JsonText.BOOLEAN;
      default -> JsonText.NULL;
    };
  }

  private Part properties(ObjectNode schema, String place) {
    var declared = new LinkedHashMap<String, JsonNode>();
    var properties = schema.get("properties");
    if (properties != null) {
      merge.object(properties, place + "/properties");
      properties.properties().forEach(entry -> declared.put(entry.getKey(), entry.getValue()));
    }
    var additional = schema.get("additionalProperties");
    var required = new LinkedHashSet<String>();
    if (schema.has("required")) {
      for (var name : merge.list(schema, "required", place)) {
        required.add(merge.text(name, place + "/required"));
      }
    }
    boolean more = additional == null ? !strict : !isFalse(additional);
    if (declared.isEmpty() && required.isEmpty() && additional == null && !hasCounts(schema)) {
      return more ? JsonText.OBJECT : JsonText.object(List.of(), null);
    }
    var others = more ? additional(additional, place) : Part.NEVER;
    if (declared.size() + required.size() > Limits.PROPERTIES) {
      throw new GrammarException(
          place,
          "%,d properties, at most %,d are supported"
              .formatted(declared.size(), Limits.PROPERTIES));
    }
    var members = new ArrayList<Part.Member>();
    for (var entry : declared.entrySet()) {
      var name = entry.getKey();
      checkLength(name, place);
      var value = schema(entry.getValue(), place + "/properties/" + SchemaMerge.escaped(name));
      members.add(member(name, value, required.remove(name)));
    }
    for (var name : required) {
      checkLength(name, place);
      members.add(member(name, others, true));
    }
    var names = new ArrayList<>(declared.keySet());
    names.addAll(required);
    var rest = more ? Part.sequence(JsonText.stringOtherThan(names), JsonText.COLON, others) : null;
    return counted(schema, members, rest, place);
  }

  private static void checkLength(String name, String place) {
    if (name.length() > Limits.NAME) {
      throw new GrammarException(
          place,
          "a property's name of %,d characters, at most %,d are supported"
              .formatted(name.length(), Limits.NAME));
    }
  }

  private static boolean hasCounts(ObjectNode schema) {
    return schema.has("minProperties") || schema.has("maxProperties");
  }

  private Part additional(@Nullable JsonNode schema, String place) {
    return schema == null
        ? JsonText.VALUE
        : Part.Rule.of(place, schema(schema, place + "/additionalProperties"));
  }

  private static boolean isFalse(JsonNode schema) {
    return schema.isBoolean() && !schema.booleanValue();
  }

  private static Part.Member member(String name, Part value, boolean required) {
    return new Part.Member(
        Part.sequence(Part.literal(JsonText.string(name)), JsonText.COLON, value), required);
  }

  private Part counted(
      ObjectNode schema, List<Part.Member> members, @Nullable Part more, String place) {
    int least = merge.count(schema, "minProperties", 0, place);
    int most = merge.count(schema, "maxProperties", -1, place);
    long required = members.stream().filter(Part.Member::required).count();
    if (least <= required && (most < 0 || more == null && most >= members.size())) {
      return JsonText.object(members, more);
    }
    if (!members.isEmpty() || more == null) {
      throw new GrammarException(
          place, "minProperties and maxProperties are supported without properties only");
    }
    return JsonText.brackets("{", list(more, least, most), "}");
  }

  /// Several, with commas between.
  private static Part list(Part part, int least, int most) {
    if (most == 0) {
      return Part.NOTHING;
    }
    var one = part.cost() <= Part.CALL ? part : Part.Rule.of("element", part);
    var more =
        Part.repeat(
            Part.sequence(JsonText.COMMA, one), Math.max(least - 1, 0), most < 0 ? -1 : most - 1);
    var some = Part.sequence(one, more);
    return least == 0 ? Part.optional(some) : some;
  }

  private Part elements(ObjectNode schema, String place) {
    var unique = schema.get("uniqueItems");
    if (unique != null && !isFalse(unique)) {
      throw new GrammarException(place, "uniqueItems is not supported");
    }
    int least = merge.count(schema, "minItems", 0, place);
    int most = merge.count(schema, "maxItems", -1, place);
    // Before 2020-12, items could be what prefixItems is now, and additionalItems what items is.
    boolean old = schema.has("items") && schema.get("items").isArray();
    var prefixName = old ? "items" : "prefixItems";
    var prefix =
        schema.has(prefixName) ? merge.list(schema, prefixName, place) : List.<JsonNode>of();
    if (prefix.size() > Limits.PROPERTIES) {
      throw new GrammarException(
          place + "/" + prefixName,
          "%,d items, at most %,d are supported".formatted(prefix.size(), Limits.PROPERTIES));
    }
    var restName = old ? "additionalItems" : "items";
    var rest = schema.get(restName);
    Part item =
        rest == null ? JsonText.VALUE : Part.Rule.of(place, schema(rest, place + "/" + restName));
    if (rest != null && isFalse(rest)) {
      most = most < 0 ? prefix.size() : Math.min(most, prefix.size());
    }
    if (most >= 0 && most < least) {
      return Part.NEVER;
    }
    var first = new ArrayList<Part>();
    for (int i = 0; i < prefix.size() && (most < 0 || i < most); i++) {
      first.add(schema(prefix.get(i), "%s/%s/%d".formatted(place, prefixName, i)));
    }
    if (first.isEmpty()) {
      return JsonText.array(list(item, least, most));
    }
    int n = first.size();
    var tail =
        Part.repeat(
            Part.sequence(JsonText.COMMA, item), Math.max(least - n, 0), most < 0 ? -1 : most - n);
    for (int i = n - 1; i >= 0; i--) {
      var one = i == 0 ? first.get(i) : Part.sequence(JsonText.COMMA, first.get(i));
      var some = Part.sequence(one, tail);
      tail = least <= i ? Part.optional(some) : some;
    }
    return JsonText.array(tail);
  }

  private Part string(ObjectNode schema, String place) {
    boolean bounded = schema.has("minLength") || schema.has("maxLength");
    var pattern = schema.get("pattern");
    var format = schema.get("format");
    if ((bounded ? 1 : 0) + (pattern == null ? 0 : 1) + (format == null ? 0 : 1) > 1) {
      throw new GrammarException(
          place, "only one of pattern, format and minLength or maxLength is supported");
    }
    if (pattern != null) {
      var where = place + "/pattern";
      var expression = merge.text(pattern, where);
      try {
        return JsonText.quoted(Regex.parse(expression, true, JsonText::character));
      } catch (GrammarException e) {
        throw new GrammarException(where, String.valueOf(e.getMessage()));
      }
    }
    if (format != null) {
      var name = merge.text(format, place + "/format");
      return JsonText.quoted(Formats.of(name, place + "/format"));
    }
    if (!bounded) {
      return JsonText.STRING;
    }
    int least = merge.count(schema, "minLength", 0, place);
    int most = merge.count(schema, "maxLength", -1, place);
    if (most >= 0 && most < least) {
      return Part.NEVER;
    }
    return JsonText.quoted(Part.repeat(JsonText.CHARACTER, least, most));
  }

  private Part number(ObjectNode schema, boolean integer, String place) {
    var least = bound(schema, "minimum", "exclusiveMinimum", 1, place);
    var most = bound(schema, "maximum", "exclusiveMaximum", -1, place);
    int fraction = integer ? 0 : JsonText.FRACTION_DIGITS;
    boolean steps = schema.has("multipleOf");
    if (steps) {
      var step = merge.number(schema.get("multipleOf"), place + "/multipleOf").stripTrailingZeros();
      if (step.unscaledValue().equals(BigInteger.ONE) && step.scale() >= 0 && step.scale() <= 18) {
        fraction = Math.min(fraction, step.scale());
      } else {
        throw new GrammarException(
            place, "multipleOf is supported for 1, 0.1, 0.01 and so on only");
      }
    }
    if (fraction == 0) {
      return least == null && most == null
          ? JsonText.INTEGER
          : NumberRange.integers(atLeast(least), atMost(most));
    }
    return least == null && most == null && !steps
        ? JsonText.NUMBER
        : NumberRange.decimals(least, most, fraction);
  }

  private static @Nullable BigInteger atLeast(NumberRange.@Nullable Bound bound) {
    if (bound == null) {
      return null;
    }
    var up = bound.value().setScale(0, RoundingMode.CEILING);
    boolean next = !bound.included() && up.compareTo(bound.value()) == 0;
    return up.toBigInteger().add(next ? BigInteger.ONE : BigInteger.ZERO);
  }

  private static @Nullable BigInteger atMost(NumberRange.@Nullable Bound bound) {
    var least = bound == null ? null : atLeast(bound.negated());
    return least == null ? null : least.negate();
  }

  /// The stricter of a bound that is allowed itself and one that is not.
  ///
  /// @param sign 1 for lower bounds, -1 for upper ones
  private NumberRange.@Nullable Bound bound(
      ObjectNode schema, String inclusive, String exclusive, int sign, String place) {
    NumberRange.Bound bound = null;
    if (schema.has(inclusive)) {
      var value = merge.number(schema.get(inclusive), place + "/" + inclusive);
      bound = new NumberRange.Bound(value, true);
    }
    if (schema.has(exclusive)) {
      var limit = schema.get(exclusive);
      if (limit.isBoolean()) {
        // As in draft 4: it says of which kind the other is.
        return bound == null || !limit.booleanValue()
            ? bound
            : new NumberRange.Bound(bound.value(), false);
      }
      var value = merge.number(limit, place + "/" + exclusive);
      if (bound == null || sign * value.compareTo(bound.value()) >= 0) {
        bound = new NumberRange.Bound(value, false);
      }
    }
    return bound;
  }
}
