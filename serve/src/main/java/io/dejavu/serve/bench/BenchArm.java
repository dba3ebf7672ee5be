package io.dejavu.serve.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.dataformat.yaml.YAMLMapper;

/// One side of a comparison: options of `bench serve` and, if the server is to be started, how.
///
/// @param name in the report
/// @param start command of the server; empty: it runs already
/// @param environment added to the command's
/// @param ready path that answers 200 when the server can be asked
/// @param patience longest wait for that
/// @param options of `bench serve`, as on its command line
record BenchArm(
    String name,
    List<String> start,
    Map<String, String> environment,
    String ready,
    Duration patience,
    List<String> options) {
  private static final YAMLMapper YAML = new YAMLMapper();

  /// @param source a file, or `{…}` itself
  /// @param otherwise its name if it has none
  /// @throws IllegalArgumentException if it cannot be understood, with the reason in one line
  static BenchArm of(String source, String otherwise) throws IOException {
    boolean inline = source.strip().startsWith("{");
    if (!inline && !Files.isReadable(Path.of(source))) {
      throw new IllegalArgumentException(source + ": no such file, nor {…}");
    }
    String text = inline ? source : Files.readString(Path.of(source));
    try {
      var arm = new Reading(inline ? otherwise : nameOf(source)).arm(YAML.readTree(text));
      return arm;
    } catch (JacksonException e) {
      throw new IllegalArgumentException(
          "%s is not YAML: %s".formatted(inline ? otherwise : source, e.getOriginalMessage()), e);
    }
  }

  private static String nameOf(String file) {
    var name = Path.of(file).getFileName();
    return name == null ? file : name.toString().replaceFirst("\\.ya?ml$", "");
  }

  /// Goes through the fields: those that are not about the server are options.
  private static final class Reading {
    private String name;
    private List<String> start = List.of();
    private final Map<String, String> environment = new HashMap<>();
    private String ready = "/health";
    private Duration patience = Duration.ofMinutes(5);
    private final List<String> options = new ArrayList<>();

    Reading(String name) {
      this.name = name;
    }

    BenchArm arm(JsonNode yaml) {
      if (!yaml.isObject()) {
        throw new IllegalArgumentException(name + ": not a mapping of options to values");
      }
      for (var field : yaml.properties()) {
        JsonNode value = field.getValue();
        switch (field.getKey()) {
          case "name" -> name = text("name", value);
          // In its own shell, which the command replaces: it is ended by its process id.
          case "start" ->
              start =
                  value.isArray()
                      ? texts("start", value)
                      : List.of("sh", "-c", "exec " + text("start", value));
          case "env" ->
              value
                  .properties()
                  .forEach(e -> environment.put(e.getKey(), text("env", e.getValue())));
          case "ready" -> ready = text("ready", value);
          case "ready-timeout" -> patience = seconds(value);
          default -> option(field.getKey(), value);
        }
      }
      return new BenchArm(
          name, start, Map.copyOf(environment), ready, patience, List.copyOf(options));
    }

    private void option(String key, JsonNode value) {
      if (value.isBoolean()) {
        if (value.booleanValue()) {
          options.add("--" + key);
        }
        return;
      }
      options.add("--" + key);
      if (value.isArray()) {
        options.addAll(texts(key, value));
      } else {
        options.add(value.isObject() ? value.toString() : text(key, value));
      }
    }

    private List<String> texts(String key, JsonNode list) {
      var texts = new ArrayList<String>();
      list.forEach(entry -> texts.add(text(key, entry)));
      return texts;
    }

    private String text(String key, JsonNode value) {
      if (!value.isValueNode() || value.isNull()) {
        throw new IllegalArgumentException("%s: %s is %s".formatted(name, key, value));
      }
      return value.asString();
    }

    private Duration seconds(JsonNode value) {
      if (!value.isNumber() || !(value.doubleValue() > 0)) {
        throw new IllegalArgumentException("%s: ready-timeout is %s".formatted(name, value));
      }
      return Duration.ofNanos((long) (value.doubleValue() * 1e9));
    }
  }
}
