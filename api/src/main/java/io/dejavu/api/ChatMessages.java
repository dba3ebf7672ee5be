package io.dejavu.api;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// Reads the field `messages` into what chat templates expect: contents are strings, arguments of
/// tool calls are objects, and a key that says nothing is absent.
///
/// @param developer the role that stands for `developer`
record ChatMessages(String developer) {
  private static final int MOST = 4096;
  private static final Set<String> ROLES =
      Set.of("system", "developer", "user", "assistant", "tool", "function");

  /// What messages keep as it is. `reasoning_content` is what an earlier answer thought.
  private static final List<String> TEXTS = List.of("name", "tool_call_id", "reasoning_content");

  /// @param source of the template: those that know the role `developer` get it
  static ChatMessages of(String source) {
    return new ChatMessages(source.contains("developer") ? "developer" : "system");
  }

  List<Map<String, @Nullable Object>> read(JsonFields fields) {
    JsonNode list = fields.get("messages");
    if (list == null) {
      throw HttpError.missing("messages");
    }
    if (!list.isArray()) {
      throw JsonFields.wrongType("messages", "a list of messages", list);
    }
    if (list.isEmpty() || list.size() > MOST) {
      throw HttpError.invalid(
          "messages", "messages has %d entries, must be 1 to %d".formatted(list.size(), MOST));
    }
    var messages = new ArrayList<Map<String, @Nullable Object>>();
    for (int i = 0; i < list.size(); i++) {
      messages.add(message("messages[%d]".formatted(i), list.get(i)));
    }
    return messages;
  }

  private Map<String, @Nullable Object> message(String at, JsonNode node) {
    if (!(node instanceof ObjectNode object)) {
      throw JsonFields.wrongType(at, "an object", node);
    }
    var fields = new JsonFields(object, at + ".");
    String role = fields.required("role");
    if (!ROLES.contains(role)) {
      throw HttpError.invalid(
          at + ".role",
          "%s.role is \"%s\", must be system, developer, user, assistant or tool"
              .formatted(at, JsonFields.brief(role)));
    }
    var message = new LinkedHashMap<String, @Nullable Object>();
    message.put(
        "role",
        switch (role) {
          case "developer" -> developer;
          case "function" -> "tool";
          default -> role;
        });
    message.put("content", content(fields, role));
    for (String key : TEXTS) {
      String text = fields.text(key);
      if (text != null) {
        message.put(key, text);
      }
    }
    if (role.equals("tool") && !message.containsKey("tool_call_id")) {
      throw HttpError.missing(at + ".tool_call_id");
    }
    if (role.equals("assistant")) {
      var calls = calls(fields);
      if (!calls.isEmpty()) {
        message.put("tool_calls", calls);
      }
    }
    return message;
  }

  /// A string, or parts of text, which are joined by line breaks as vLLM does.
  private static String content(JsonFields fields, String role) {
    JsonNode content = fields.get("content");
    if (content == null) {
      if (!role.equals("assistant")) {
        throw HttpError.missing(fields.path("content"));
      }
      String refusal = fields.text("refusal");
      return refusal == null ? "" : refusal;
    }
    if (content.isString()) {
      return content.stringValue();
    }
    if (!content.isArray()) {
      throw JsonFields.wrongType(
          fields.path("content"), "a string or a list of text parts", content);
    }
    var texts = new ArrayList<String>();
    for (int i = 0; i < content.size(); i++) {
      String at = "%s[%d]".formatted(fields.path("content"), i);
      if (!(content.get(i) instanceof ObjectNode part)) {
        throw JsonFields.wrongType(at, "an object", content.get(i));
      }
      var partFields = new JsonFields(part, at + ".");
      String type = partFields.required("type");
      texts.add(
          switch (type) {
            case "text", "refusal" -> partFields.required(type);
            default ->
                throw HttpError.unsupported(
                    at + ".type",
                    "%s is of type \"%s\"; this model reads text only"
                        .formatted(at, JsonFields.brief(type)));
          });
    }
    return String.join("\n", texts);
  }

  private static List<Map<String, @Nullable Object>> calls(JsonFields message) {
    var calls = new ArrayList<Map<String, @Nullable Object>>();
    JsonNode list = message.get("tool_calls");
    if (list != null && !list.isArray()) {
      throw JsonFields.wrongType(message.path("tool_calls"), "a list of tool calls", list);
    }
    for (int i = 0; list != null && i < list.size(); i++) {
      String at = "%s[%d]".formatted(message.path("tool_calls"), i);
      if (!(list.get(i) instanceof ObjectNode call)) {
        throw JsonFields.wrongType(at, "an object", list.get(i));
      }
      var fields = new JsonFields(call, at + ".");
      String id = fields.text("id");
      calls.add(call(id == null ? "call_" + i : id, fields.object("function")));
    }
    if (list == null && message.has("function_call")) {
      calls.add(call("call_0", message.object("function_call")));
    }
    return calls;
  }

  private static Map<String, @Nullable Object> call(String id, JsonFields function) {
    var inner = new LinkedHashMap<String, @Nullable Object>();
    inner.put("name", function.required("name"));
    inner.put("arguments", arguments(function));
    var call = new LinkedHashMap<String, @Nullable Object>();
    call.put("id", id);
    call.put("type", "function");
    call.put("function", inner);
    return call;
  }

  /// An object, which clients send as a string.
  private static @Nullable Object arguments(JsonFields function) {
    JsonNode node = function.get("arguments");
    if (node != null && node.isString()) {
      node = node.stringValue().isBlank() ? null : Json.valueOrNull(node.stringValue());
      if (node == null && !function.required("arguments").isBlank()) {
        throw HttpError.invalid(
            function.path("arguments"), function.path("arguments") + " is not valid JSON");
      }
    }
    return node == null ? Map.of() : Json.plain(node);
  }
}
