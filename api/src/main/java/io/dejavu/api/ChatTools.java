package io.dejavu.api;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/// The tools that a model may call: the fields `tools`, `tool_choice` and `parallel_tool_calls`, or
/// the older `functions` and `function_call`.
///
/// @param all of them; empty if the client sent none or wants none called
/// @param choice whether one has to be called
/// @param parallel whether an answer may have several calls
/// @param legacy whether the client speaks of functions
record ChatTools(List<Tool> all, Choosing choice, boolean parallel, boolean legacy) {
  static final ChatTools NONE = new ChatTools(List.of(), Choosing.AUTO, true, false);
  private static final int MOST = 1024;
  private static final Pattern NAME = Pattern.compile("[a-zA-Z0-9_.:/-]{1,128}");

  enum Choosing {
    /// The model chooses between text and calls.
    AUTO,
    /// At least one call.
    REQUIRED,
    /// Exactly one call, of the only tool there is.
    NAMED
  }

  /// @param schema of its arguments; an object schema
  /// @param strict whether the client relies on the schema
  /// @param at the field that describes it
  record Tool(String name, JsonNode schema, boolean strict, String at) {}

  /// Tools as chat templates expect them.
  ///
  /// @param tools as the client sent them
  record ForTemplate(ChatTools tools, @Nullable List<Map<String, @Nullable Object>> shown) {}

  /// @param format of the model
  static ForTemplate of(JsonFields fields, ChatFormat format) {
    boolean legacy = !fields.has("tools") && fields.has("functions");
    JsonNode list = fields.get(legacy ? "functions" : "tools");
    String listName = legacy ? "functions" : "tools";
    String choiceName = legacy ? "function_call" : "tool_choice";
    boolean parallel = fields.flag("parallel_tool_calls", true) && !legacy;
    if (list == null || (list.isArray() && list.isEmpty())) {
      checkNoChoice(fields, choiceName);
      return new ForTemplate(NONE, null);
    }
    if (!list.isArray()) {
      throw JsonFields.wrongType(listName, "a list of tools", list);
    }
    if (list.size() > MOST) {
      throw HttpError.invalid(
          listName, "%s has %d entries, at most %d".formatted(listName, list.size(), MOST));
    }
    if (format.tools() == null) {
      throw HttpError.unsupported(
          listName, listName + ": this server runs with --tool-call-parser none");
    }
    var tools = new LinkedHashMap<String, Tool>();
    var shown = new ArrayList<Map<String, @Nullable Object>>();
    for (int i = 0; i < list.size(); i++) {
      String at = "%s[%d]".formatted(listName, i);
      if (!(list.get(i) instanceof ObjectNode object)) {
        throw JsonFields.wrongType(at, "an object", list.get(i));
      }
      var tool = legacy ? tool(new JsonFields(object, at + ".")) : typed(object, at);
      if (tools.put(tool.name, tool) != null) {
        throw HttpError.invalid(
            at, "%s: there are two tools called \"%s\"".formatted(at, tool.name));
      }
      shown.add(shown(object, legacy));
    }
    return chosen(fields, choiceName, tools, shown, parallel, legacy);
  }

  private static void checkNoChoice(JsonFields fields, String choiceName) {
    JsonNode choice = fields.get(choiceName);
    if (choice != null && !(choice.isString() && !choice.stringValue().equals("required"))) {
      throw HttpError.invalid(choiceName, choiceName + " needs tools");
    }
  }

  private static Tool typed(ObjectNode object, String at) {
    var fields = new JsonFields(object, at + ".");
    String type = fields.required("type");
    if (!type.equals("function")) {
      throw HttpError.unsupported(
          at + ".type",
          "%s is of type \"%s\"; only functions are supported"
              .formatted(at, JsonFields.brief(type)));
    }
    return tool(fields.object("function"));
  }

  private static Tool tool(JsonFields function) {
    String name = function.required("name");
    if (!NAME.matcher(name).matches()) {
      throw HttpError.invalid(
          function.path("name"),
          "%s is \"%s\"; letters, digits, _ and - are expected"
              .formatted(function.path("name"), JsonFields.brief(name)));
    }
    function.text("description");
    JsonNode parameters = function.get("parameters");
    if (parameters != null && !parameters.isObject()) {
      throw JsonFields.wrongType(function.path("parameters"), "a JSON schema", parameters);
    }
    JsonNode schema =
        parameters == null || parameters.isEmpty()
            ? JsonNodeFactory.instance.objectNode().put("type", "object")
            : parameters;
    return new Tool(name, schema, function.flag("strict", false), function.path("parameters"));
  }

  /// As the client sent it; what concerns us alone is left out.
  private static Map<String, @Nullable Object> shown(ObjectNode object, boolean legacy) {
    var tool = legacy ? JsonNodeFactory.instance.objectNode() : object.deepCopy();
    if (legacy) {
      tool.put("type", "function").set("function", object);
    }
    if (tool.get("function") instanceof ObjectNode function) {
      function.remove("strict");
    }
    var map = new LinkedHashMap<String, @Nullable Object>();
    tool.properties().forEach(entry -> map.put(entry.getKey(), Json.plain(entry.getValue())));
    return map;
  }

  private static ForTemplate chosen(
      JsonFields fields,
      String choiceName,
      Map<String, Tool> tools,
      List<Map<String, @Nullable Object>> shown,
      boolean parallel,
      boolean legacy) {
    var all = List.copyOf(tools.values());
    JsonNode choice = fields.get(choiceName);
    if (choice == null) {
      return new ForTemplate(new ChatTools(all, Choosing.AUTO, parallel, legacy), shown);
    }
    if (choice.isString()) {
      return switch (choice.stringValue()) {
        case "none" -> new ForTemplate(NONE, null);
        case "auto" -> new ForTemplate(new ChatTools(all, Choosing.AUTO, parallel, legacy), shown);
        case "required" ->
            new ForTemplate(new ChatTools(all, Choosing.REQUIRED, parallel, legacy), shown);
        default ->
            throw HttpError.invalid(
                choiceName,
                "%s is \"%s\", must be none, auto, required or name a function"
                    .formatted(choiceName, JsonFields.brief(choice.stringValue())));
      };
    }
    if (!(choice instanceof ObjectNode)) {
      throw JsonFields.wrongType(choiceName, "a string or an object", choice);
    }
    var named = fields.object(choiceName);
    String type = named.text("type");
    if (type != null && !type.equals("function")) {
      throw HttpError.unsupported(
          named.path("type"), "%s \"%s\" is not supported".formatted(named.path("type"), type));
    }
    String name = (legacy ? named : named.object("function")).required("name");
    var tool = tools.get(name);
    if (tool == null) {
      throw HttpError.invalid(
          choiceName,
          "%s names \"%s\", which is not in tools".formatted(choiceName, JsonFields.brief(name)));
    }
    return new ForTemplate(new ChatTools(List.of(tool), Choosing.NAMED, false, legacy), shown);
  }

  boolean isEmpty() {
    return all.isEmpty();
  }

  boolean knows(String name) {
    return all.stream().anyMatch(tool -> tool.name.equals(name));
  }
}
