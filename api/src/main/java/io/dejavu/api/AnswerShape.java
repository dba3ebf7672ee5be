package io.dejavu.api;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// What a client wants an answer to look like: OpenAI's `response_format`, or vLLM's
/// `structured_outputs` and `guided_…`.
sealed interface AnswerShape {
  Pattern NAME = Pattern.compile("[a-zA-Z0-9_-]{1,64}");
  int MOST_CHOICES = 1024;

  /// Any text.
  record Any() implements AnswerShape {}

  /// Any JSON object.
  record AnyObject() implements AnswerShape {}

  /// JSON that fits a schema.
  ///
  /// @param at the field with the schema
  record Schema(JsonNode schema, String at) implements AnswerShape {}

  /// Text that matches as a whole.
  ///
  /// @param at the field with the expression
  record Regex(String expression, String at) implements AnswerShape {}

  /// One of these texts.
  record OneOf(List<String> texts, String at) implements AnswerShape {}

  /// @throws HttpError if the fields do not say one thing
  static AnswerShape of(JsonFields fields) {
    var found = new ArrayList<AnswerShape>();
    var format = format(fields);
    if (!(format instanceof Any)) {
      found.add(format);
    }
    if (fields.has("structured_outputs")) {
      structured(fields.object("structured_outputs"), "", found);
    }
    structured(fields, "guided_", found);
    if (found.size() > 1) {
      throw HttpError.invalid(
          "response_format", "more than one field says what the answer has to look like");
    }
    return found.isEmpty() ? new Any() : found.getFirst();
  }

  private static AnswerShape format(JsonFields fields) {
    if (!fields.has("response_format")) {
      return new Any();
    }
    var format = fields.object("response_format");
    String type = format.required("type");
    return switch (type) {
      case "text" -> new Any();
      case "json_object" -> new AnyObject();
      case "json_schema" -> {
        var described = format.object("json_schema");
        String name = described.required("name");
        if (!NAME.matcher(name).matches()) {
          throw HttpError.invalid(
              described.path("name"),
              "%s is \"%s\"; letters, digits, _ and - are expected"
                  .formatted(described.path("name"), JsonFields.brief(name)));
        }
        described.flag("strict", false); // it is kept in any case
        JsonNode schema = described.get("schema");
        if (schema == null) {
          yield new AnyObject();
        }
        yield schema(schema, described.path("schema"));
      }
      default ->
          throw HttpError.invalid(
              format.path("type"),
              "%s is \"%s\", must be text, json_object or json_schema"
                  .formatted(format.path("type"), JsonFields.brief(type)));
    };
  }

  private static void structured(JsonFields fields, String prefix, List<AnswerShape> found) {
    JsonNode json = fields.get(prefix + "json");
    if (json != null) {
      String at = fields.path(prefix + "json");
      JsonNode schema = json.isString() ? Json.valueOrNull(json.stringValue()) : json;
      if (schema == null) {
        throw HttpError.invalid(at, at + " is not valid JSON");
      }
      found.add(schema(schema, at));
    }
    String regex = fields.text(prefix + "regex");
    if (regex != null) {
      found.add(new Regex(regex, fields.path(prefix + "regex")));
    }
    if (fields.has(prefix + "choice")) {
      var texts = fields.texts(prefix + "choice", MOST_CHOICES);
      String at = fields.path(prefix + "choice");
      if (texts.isEmpty()) {
        throw HttpError.invalid(at, at + " is empty");
      }
      found.add(new OneOf(texts, at));
    }
    if (fields.flag(prefix + "json_object", false)) {
      found.add(new AnyObject());
    }
    for (String other : List.of("grammar", "structural_tag")) {
      if (fields.has(prefix + other)) {
        String at = fields.path(prefix + other);
        throw HttpError.unsupported(at, at + " is not supported; see json, regex and choice");
      }
    }
  }

  private static AnswerShape schema(JsonNode schema, String at) {
    if (!(schema instanceof ObjectNode) && !schema.isBoolean()) {
      throw JsonFields.wrongType(at, "a JSON schema", schema);
    }
    return new Schema(schema, at);
  }
}
