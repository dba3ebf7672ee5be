package io.dejavu.api;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.BindException;
import java.util.ArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

class ChatToolsTest {
  private static final String TOOLS =
      """
      "tools": [
        {"type": "function", "function": {"name": "add", "description": "Adds.", "strict": true,
          "parameters": {"type": "object", "properties": {"a": {"type": "integer"}},
                         "required": ["a"], "additionalProperties": false}}},
        {"type": "function", "function": {"name": "now"}}]""";

  private ChatFixture chat;

  @BeforeEach
  void open() throws BindException {
    chat = new ChatFixture();
  }

  @AfterEach
  void close() {
    chat.close();
  }

  private static String ask(String more) {
    return "{\"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}], " + TOOLS + more + "}";
  }

  @Test
  void toolsAreShownToTheModelAndItsCallsAreFound() throws Exception {
    chat.api.engine.says(
        "Let me see.\n<tool_call>\n{\"name\": \"add\", \"arguments\": {\"a\": 1}}\n</tool_call>\n"
            + "<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>$");

    var choice = chat.choice(ask(""));
    var streamed = chat.stream(ask(", \"stream\": true"));

    assertThat(chat.lastPrompt())
        .startsWith("^[{\"type\": \"function\", \"function\": {\"name\": \"add\", ")
        .doesNotContain("strict");
    var message = choice.get("message");
    assertThat(message.get("content").stringValue()).isEqualTo("Let me see.");
    var calls = new ArrayList<String>();
    for (JsonNode call : message.get("tool_calls")) {
      assertThat(call.get("id").stringValue()).matches("call_[0-9a-f]{16}");
      assertThat(call.get("type").stringValue()).isEqualTo("function");
      calls.add(
          call.get("function").get("name").stringValue()
              + "("
              + call.get("function").get("arguments").stringValue()
              + ")");
    }
    assertThat(calls).containsExactly("add({\"a\": 1})", "now({})");
    assertThat(choice.get("finish_reason").stringValue()).isEqualTo("tool_calls");
    assertThat(streamed.content.toString()).isEqualTo("Let me see.");
    assertThat(streamed.calls()).isEqualTo(calls);
    assertThat(streamed.finish).isEqualTo("tool_calls");
  }

  @Test
  void aCallAloneHasNoContent() throws Exception {
    chat.api.engine.says("<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>$");

    assertThat(chat.choice(ask("")).get("message").get("content").isNull()).isTrue();
  }

  @Test
  void aMalformedCallIsText() throws Exception {
    String text = "<tool_call>\n{\"name\": \"add\", \"arguments\": {\"a\": 1]}\n</tool_call>";
    chat.api.engine.says(text + "$");

    var choice = chat.choice(ask(""));

    assertThat(choice.get("message").get("content").stringValue()).isEqualTo(text);
    assertThat(choice.get("message").has("tool_calls")).isFalse();
    assertThat(choice.get("finish_reason").stringValue()).isEqualTo("stop");
  }

  @Test
  void aFreeModelMayCallOnlyWhatThereIs() throws Exception {
    chat.complete(ask(", \"max_tokens\": 1"));

    assertThat(chat.allows("Hello!")).isTrue();
    assertThat(
            chat.allows(
                "Well.\n<tool_call>\n{\"name\": \"add\", \"arguments\": {\"a\": 1}}\n</tool_call>"))
        .isTrue();
    assertThat(chat.allows("<tool_call>\n{\"name\": \"add\", \"arguments\": {}}\n</tool_call>"))
        .isFalse();
    assertThat(chat.allows("<tool_call>\n{\"name\": \"sub\"")).isFalse();
  }

  @Test
  void aCallCanBeRequired() throws Exception {
    chat.api.engine.says("<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>$");

    var choice = chat.choice(ask(", \"tool_choice\": \"required\""));

    assertThat(choice.get("finish_reason").stringValue()).isEqualTo("tool_calls");
    assertThat(chat.allows("Hello!")).isFalse();
    String call = "<tool_call>\n{\"name\": \"add\", \"arguments\": {\"a\": 1}}\n</tool_call>";
    assertThat(chat.allows(call)).isTrue();
    assertThat(chat.allows(call + "\n" + call)).isTrue();
    chat.complete(ask(", \"tool_choice\": \"required\", \"parallel_tool_calls\": false"));
    assertThat(chat.allows(call)).isTrue();
    assertThat(chat.allows(call + "\n" + call)).isFalse();
  }

  @Test
  void aFunctionCanBeNamed() throws Exception {
    chat.api.engine.says(
        "<tool_call>\n{\"name\": \"add\", \"arguments\": {\"a\": 1}}</tool_call>$");
    String named = ", \"tool_choice\": {\"type\": \"function\", \"function\": {\"name\": \"add\"}}";

    var choice = chat.choice(ask(named));

    assertThat(choice.get("finish_reason").stringValue()).isEqualTo("stop");
    assertThat(choice.get("message").get("tool_calls")).hasSize(1);
    assertThat(chat.allows("<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>"))
        .isFalse();
  }

  @Test
  void noToolsMeansNone() throws Exception {
    String text = "<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>";
    chat.api.engine.says(text + "$");

    var choice = chat.choice(ask(", \"tool_choice\": \"none\""));

    assertThat(choice.get("message").get("content").stringValue()).isEqualTo(text);
    assertThat(chat.lastPrompt()).startsWith("^<user>");
    assertThat(chat.api.engine.requests.getLast().constraint()).isNull();
  }

  @Test
  void anAnswerHasTheFormOrIsACall() throws Exception {
    chat.complete(ask(", \"max_tokens\": 1, \"response_format\": {\"type\": \"json_object\"}"));

    assertThat(chat.allows("{\"x\": 1}")).isTrue();
    assertThat(chat.allows("<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>"))
        .isTrue();
    assertThat(chat.allows("Hello!")).isFalse();
  }

  @Test
  void llamaModelsWriteJsonAlone() throws Exception {
    try (var llama = new ChatFixture(ToolCallStyle.LLAMA3_JSON, false, ChatFixture.TEMPLATE)) {
      llama.api.engine.says("{\"name\": \"add\", \"parameters\": {\"a\": 1}}$");

      var choice = llama.choice(ask(""));
      var streamed = llama.stream(ask(", \"stream\": true"));

      var function = choice.get("message").get("tool_calls").get(0).get("function");
      assertThat(function.toString())
          .isEqualTo("{\"name\":\"add\",\"arguments\":\"{\\\"a\\\": 1}\"}");
      assertThat(streamed.calls()).containsExactly("add({\"a\": 1})");
      assertThat(llama.allows("Hello {}!")).isTrue();
      assertThat(llama.allows("{\"name\": \"add\", \"parameters\": {\"a\": 1}}")).isTrue();
      assertThat(llama.allows("{\"name\": \"add\", \"parameters\": {\"a\": \"x\"}}")).isFalse();
    }
  }

  @Test
  void functionsAreTheOldWord() throws Exception {
    chat.api.engine.says("<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>$");
    String body =
        """
        {"messages": [{"role": "user", "content": "Hi"}], "functions": [{"name": "now"}],
         "function_call": "auto"%s}""";

    var choice = chat.choice(body.formatted(""));
    var events = chat.events(body.formatted(", \"stream\": true"));

    assertThat(choice.get("message").get("function_call").toString())
        .isEqualTo("{\"name\":\"now\",\"arguments\":\"{}\"}");
    assertThat(choice.get("finish_reason").stringValue()).isEqualTo("function_call");
    assertThat(events).anyMatch(e -> e.contains("{\"function_call\":{\"name\":\"now\""));
    assertThat(chat.lastPrompt()).startsWith("^[{\"type\": \"function\", \"function\": {\"name\"");
  }

  @Test
  void withoutAParserToolsAreRefused() throws Exception {
    try (var none = new ChatFixture(null, false, ChatFixture.TEMPLATE)) {
      var response = none.post(ask(""));

      assertThat(response.statusCode()).isEqualTo(400);
      assertThat(response.body()).contains("--tool-call-parser").contains("\"param\":\"tools\"");
    }
  }
}
