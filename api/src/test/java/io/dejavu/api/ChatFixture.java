package io.dejavu.api;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.dejavu.engine.TokenConstraint;
import io.dejavu.template.ChatTemplate;
import java.io.IOException;
import java.net.BindException;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// A server whose model chats.
final class ChatFixture implements AutoCloseable {
  static final String TEMPLATE =
      """
      {{ bos_token }}{% if tools %}{{ tools | tojson }}
      {% endif %}{% for m in messages %}<{{ m.role }}>{{ m.content }}\
      {% if m.tool_calls %}{{ m.tool_calls | tojson }}{% endif %}</>
      {% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}\
      """;

  final ServerFixture api;

  ChatFixture() throws BindException {
    this(ToolCallStyle.HERMES, false, TEMPLATE);
  }

  ChatFixture(@Nullable ToolCallStyle tools, boolean thinks, String template) throws BindException {
    api =
        new ServerFixture(
            ApiConfig.DEFAULT,
            new ByteTokenizer(),
            new ChatFormat(
                ChatTemplate.parse(template, "test"),
                null,
                template,
                Map.of("bos_token", "^"),
                List.of("[END]"),
                tools,
                thinks));
  }

  HttpRequest request(String body) {
    return api.request("/v1/chat/completions")
        .POST(HttpRequest.BodyPublishers.ofString(body))
        .build();
  }

  HttpResponse<String> post(String body) throws IOException, InterruptedException {
    return api.send(request(body));
  }

  /// The body of a good answer.
  String complete(String body) throws IOException, InterruptedException {
    var response = post(body);
    if (response.statusCode() != 200) {
      throw new AssertionError(response.statusCode() + " " + response.body());
    }
    return response.body();
  }

  /// A good answer's only choice.
  JsonNode choice(String body) throws IOException, InterruptedException {
    return ServerFixture.JSON.readTree(complete(body)).get("choices").get(0);
  }

  /// The events of a good stream without `[DONE]`, which must be the last one.
  List<String> events(String body) throws IOException, InterruptedException {
    var events = new ArrayList<String>();
    for (String event : complete(body).strip().split("\n\n", -1)) {
      if (!event.startsWith("data: ")) {
        throw new AssertionError("unexpected event: " + event);
      }
      events.add(event.substring(6));
    }
    if (!events.removeLast().equals("[DONE]")) {
      throw new AssertionError("the stream has no [DONE]");
    }
    return events;
  }

  /// What a client makes of a stream's choice 0: its deltas joined as OpenAI's clients do.
  Streamed stream(String body) throws IOException, InterruptedException {
    var streamed = new Streamed();
    for (String event : events(body)) {
      for (JsonNode choice : ServerFixture.JSON.readTree(event).get("choices")) {
        streamed.add(choice);
      }
    }
    return streamed;
  }

  static final class Streamed {
    final StringBuilder content = new StringBuilder();
    final StringBuilder reasoning = new StringBuilder();

    /// Each as `name(arguments)`.
    final List<StringBuilder> calls = new ArrayList<>();

    String finish = "";

    private void add(JsonNode choice) {
      var delta = choice.get("delta");
      content.append(delta.path("content").stringValue(""));
      reasoning.append(delta.path("reasoning_content").stringValue(""));
      for (JsonNode call : delta.path("tool_calls")) {
        int index = call.get("index").intValue();
        var function = call.get("function");
        if (function.has("name")) {
          if (index != calls.size()
              || !call.get("id").stringValue().startsWith("call_")
              || !call.get("type").stringValue().equals("function")
              || !function.get("arguments").stringValue().isEmpty()) {
            throw new AssertionError("not the beginning of a call: " + call);
          }
          calls.add(new StringBuilder(function.get("name").stringValue()).append("()"));
        } else {
          var text = calls.get(index);
          text.insert(text.length() - 1, function.get("arguments").stringValue());
        }
      }
      if (choice.get("finish_reason").isString()) {
        finish = choice.get("finish_reason").stringValue();
      }
    }

    List<String> calls() {
      return calls.stream().map(StringBuilder::toString).toList();
    }
  }

  /// The prompt of the request before last.
  String lastPrompt() {
    return new ByteTokenizer().decode(api.engine.requests.getLast().prompt(), false);
  }

  /// Whether the last request may be answered with `text`.
  boolean allows(String text) {
    TokenConstraint state = api.engine.requests.getLast().constraint();
    if (state == null) {
      return true;
    }
    for (byte b : text.getBytes(UTF_8)) {
      int id = Byte.toUnsignedInt(b);
      if (!has(state, id)) {
        return false;
      }
      state = state.after(id);
    }
    return has(state, ByteTokenizer.END);
  }

  private static boolean has(TokenConstraint state, int id) {
    long[] allowed = state.allowed();
    return id / 64 < allowed.length && (allowed[id / 64] >>> id & 1) != 0;
  }

  @Override
  public void close() {
    api.close();
  }
}
