package io.dejavu.workload;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/// Asks a server about itself, before anything is measured.
public final class ServerProbe {
  private static final JsonMapper JSON = new JsonMapper();
  private static final int LONGEST_ANSWER = 4 << 20;

  /// A server that cannot be measured, and why, in one line.
  public static final class Unreachable extends IOException {
    private static final long serialVersionUID = 1;

    public Unreachable(String message, @Nullable Throwable cause) {
      super(message, cause);
    }
  }

  private final TargetConfig config;

  public ServerProbe(TargetConfig config) {
    this.config = config;
  }

  /// @return the configuration with the model that it names, or with the server's first
  public TargetConfig resolved() throws Unreachable {
    if (!config.model().isEmpty()) {
      return config;
    }
    JsonNode id = json("GET", "/v1/models", null).path("data").path(0).path("id");
    if (!id.isString()) {
      throw new Unreachable(
          config.base() + "/v1/models names no model; name it with --model", null);
    }
    return config.withModel(id.stringValue());
  }

  /// Whether a path answers 200, such as `/health`.
  public boolean answers(String path) {
    try {
      ask("GET", path, null);
      return true;
    } catch (Unreachable _) {
      return false;
    }
  }

  /// How long prompts of text must be: calibrated where the server tells (vLLM's and llama.cpp's
  /// `/tokenize`).
  public PromptText words() {
    for (String field : new String[] {"prompt", "content"}) {
      ObjectNode body = JsonNodeFactory.instance.objectNode();
      body.put(field, PromptText.sample());
      if (!config.model().isEmpty()) {
        body.put("model", config.model());
      }
      var tokens = tokens(body);
      if (tokens.isPresent()) {
        return PromptText.calibrated(tokens.getAsInt());
      }
    }
    return PromptText.UNCALIBRATED;
  }

  private OptionalInt tokens(ObjectNode body) {
    try {
      JsonNode answer = json("POST", "/tokenize", body);
      int count = answer.path("count").asInt(answer.path("tokens").size());
      return count > 0 ? OptionalInt.of(count) : OptionalInt.empty();
    } catch (Unreachable _) {
      return OptionalInt.empty(); // most servers have none: then prompts are about as long
    }
  }

  private JsonNode json(String method, String path, @Nullable ObjectNode body) throws Unreachable {
    try {
      return JSON.readTree(ask(method, path, body));
    } catch (JacksonException e) {
      throw new Unreachable(
          "%s%s does not answer with JSON: %s"
              .formatted(config.base(), path, e.getOriginalMessage()),
          e);
    }
  }

  private byte[] ask(String method, String path, @Nullable ObjectNode body) throws Unreachable {
    byte[] content = body == null ? new byte[0] : JSON.writeValueAsBytes(body);
    String head = head(config, method, path) + "Content-Length: " + content.length + "\r\n\r\n";
    var request = new ByteArrayOutputStream();
    request.writeBytes(head.getBytes(UTF_8));
    request.writeBytes(content);
    try (var connection =
        HttpConnection.open(config.base(), config.connectPatience(), System::nanoTime)) {
      connection.readWithin(config.connectPatience());
      connection.send(request.toByteArray());
      var answer = connection.readHead();
      var text = new ByteArrayOutputStream();
      var part = new byte[8192];
      for (int count = connection.read(part); count >= 0; count = connection.read(part)) {
        text.write(part, 0, count);
        if (text.size() > LONGEST_ANSWER) {
          throw new HttpConnection.Garbled("an endless answer");
        }
      }
      if (answer.status() != 200) {
        throw new Unreachable(
            "%s%s answers %d: %s"
                .formatted(
                    config.base(),
                    path,
                    answer.status(),
                    new Failure(Failure.Kind.HTTP, answer.status(), text.toString(UTF_8))
                        .message()),
            null);
      }
      return text.toByteArray();
    } catch (Unreachable e) {
      throw e;
    } catch (IOException e) {
      throw new Unreachable(
          "%s%s does not answer: %s".formatted(config.base(), path, e.getMessage()), e);
    }
  }

  /// The head of a request but for its length.
  static String head(TargetConfig config, String method, String path) {
    var base = config.base();
    String prefix = base.getRawPath() == null ? "" : base.getRawPath();
    String host = base.getPort() < 0 ? base.getHost() : base.getHost() + ":" + base.getPort();
    var head = new StringBuilder();
    head.append(method).append(' ').append(prefix).append(path).append(" HTTP/1.1\r\n");
    head.append("Host: ").append(host).append("\r\n");
    head.append("Accept: text/event-stream, application/json\r\n");
    head.append("Content-Type: application/json\r\n");
    if (config.apiKey() != null) {
      head.append("Authorization: Bearer ").append(config.apiKey()).append("\r\n");
    }
    return head.toString();
  }
}
