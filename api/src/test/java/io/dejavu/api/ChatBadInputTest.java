package io.dejavu.api;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.BindException;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Wrong fields of chats: each is named, and the server goes on.
class ChatBadInputTest {
  private static final String GOOD = "\"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}]";
  private static final String TOOL =
      "\"tools\": [{\"type\": \"function\", \"function\": {\"name\": \"f\"}}]";

  private static ChatFixture chat;

  @BeforeAll
  static void open() throws BindException {
    chat =
        new ChatFixture(
            ToolCallStyle.HERMES,
            false,
            "{% if messages[0].role == 'tool' %}{{ raise_exception('no tools first') }}{% endif %}"
                + "{% if messages[0].content == 'fail' %}{{ messages.x.y }}{% endif %}"
                + ChatFixture.TEMPLATE);
  }

  @AfterAll
  static void close() {
    chat.close();
  }

  /// `M` stands for good messages, `T` for a tool.
  @ParameterizedTest
  @CsvSource(
      quoteCharacter = '`',
      delimiter = '|',
      maxCharsPerColumn = 100_000,
      textBlock =
          """
          {}                                             | messages              | messages is missing
          {"messages": "Hi"}                             | messages              | a list of messages, not a string
          {"messages": []}                               | messages              | 0 entries
          {"messages": [1]}                              | messages[0]           | an object, not the number 1
          {"messages": [{}]}                             | messages[0].role      | is missing
          {"messages": [{"role": 1}]}                    | messages[0].role      | a string
          {"messages": [{"role": "king", "content": ""}]} | messages[0].role     | "king"
          {"messages": [{"role": "user"}]}               | messages[0].content   | is missing
          {"messages": [{"role": "user", "content": 1}]} | messages[0].content   | a string or a list of text parts
          {"messages": [{"role": "user", "content": ["x"]}]} | messages[0].content[0] | an object, not a string
          {"messages": [{"role": "user", "content": [{"type": "text"}]}]} | messages[0].content[0].text | is missing
          {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]} | messages[0].content[0].type | "image_url"; this model reads text only
          {"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]} | messages[0].content[0].type | "input_audio"
          {"messages": [{"role": "tool", "content": "x"}]} | messages[0].tool_call_id | is missing
          {"messages": [{"role": "tool", "content": "x", "tool_call_id": "1"}]} | messages | no tools first
          {"messages": [{"role": "user", "content": "fail"}]} | messages          | UndefinedError
          {"messages": [{"role": "assistant", "tool_calls": 1}]} | messages[0].tool_calls | a list
          {"messages": [{"role": "assistant", "tool_calls": [{}]}]} | messages[0].tool_calls[0].function | is missing
          {"messages": [{"role": "assistant", "tool_calls": [{"function": {"arguments": "{}"}}]}]} | messages[0].tool_calls[0].function.name | is missing
          {"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{"}}]}]} | messages[0].tool_calls[0].function.arguments | not valid JSON
          {"messages": [{"role": "user", "content": "\\ud800"}]} | messages | half of a surrogate pair
          {M, "model": "gpt-4"}                          | model                 | no model "gpt-4"
          {M, "max_tokens": 1000}                        | messages              | to generate (max_tokens)
          {M, "max_completion_tokens": -1}               | max_completion_tokens | must be between 0
          {M, "n": 0}                                    | n                     | must be between 1
          {M, "logprobs": 3}                             | logprobs              | a boolean
          {M, "top_logprobs": 3}                         | top_logprobs          | needs logprobs
          {M, "logprobs": true, "top_logprobs": 21}      | top_logprobs          | between 0 and 20
          {M, "temperature": "warm"}                     | temperature           | a number
          {M, "stop": [""]}                              | stop                  | empty string
          {M, "stream": "yes"}                           | stream                | a boolean
          {M, "stream_options": {"include_usage": true}} | stream_options        | needs stream
          {M, "user": 1}                                 | user                  | a string
          {M, "metadata": []}                            | metadata              | an object
          {M, "store": "no"}                             | store                 | a boolean
          {M, "service_tier": "gold"}                    | service_tier          | must be auto
          {M, "priority": "high"}                        | priority              | an integer
          {M, "modalities": ["text", "audio"]}           | modalities            | only text
          {M, "audio": {"voice": "x"}}                   | audio                 | not supported
          {M, "prediction": {"type": "content"}}         | prediction            | not supported
          {M, "web_search_options": {"x": 1}}            | web_search_options    | not supported
          {M, "chat_template": "{{ x }}"}                | chat_template         | are not run
          {M, "chat_template_kwargs": 1}                 | chat_template_kwargs  | an object
          {M, "documents": {}}                           | documents             | a list
          {M, "continue_final_message": true, "add_generation_prompt": true} | continue_final_message | exclude each other
          {M, "response_format": {}}                     | response_format.type  | is missing
          {M, "response_format": {"type": "json_schema"}} | response_format.json_schema | is missing
          {M, "response_format": {"type": "json_schema", "json_schema": {"name": "a b"}}} | response_format.json_schema.name | "a b"
          {M, "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": 1}}} | response_format.json_schema.schema | a JSON schema
          {M, "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "nothing"}}}} | response_format.json_schema.schema | type
          {M, "response_format": {"type": "json_object"}, "guided_regex": "a"} | response_format | more than one field
          {M, "structured_outputs": {"grammar": "x"}}    | structured_outputs.grammar | not supported
          {M, "guided_choice": []}                       | guided_choice         | empty
          {M, "tools": {}}                               | tools                 | a list
          {M, "tools": [1]}                              | tools[0]              | an object
          {M, "tools": [{"type": "web_search"}]}         | tools[0].type         | "web_search"
          {M, "tools": [{"type": "function"}]}           | tools[0].function     | is missing
          {M, "tools": [{"type": "function", "function": {"name": ""}}]} | tools[0].function.name | letters, digits
          {M, "tools": [{"type": "function", "function": {"name": "f", "parameters": []}}]} | tools[0].function.parameters | a JSON schema
          {M, "tools": [{"type": "function", "function": {"name": "f", "strict": true, "parameters": {"type": "nothing"}}}]} | tools[0].function.parameters | type
          {M, T, "tool_choice": "must"}                  | tool_choice           | "must"
          {M, T, "tool_choice": 1}                       | tool_choice           | a string or an object
          {M, T, "tool_choice": {"type": "function", "function": {"name": "g"}}} | tool_choice | not in tools
          {M, T, "tool_choice": {"type": "custom"}}      | tool_choice.type      | "custom"
          {M, T, "parallel_tool_calls": 1}               | parallel_tool_calls   | a boolean
          {M, "tool_choice": "required"}                 | tool_choice           | needs tools
          """)
  void aMistakeIsNamed(String body, String param, String message) throws Exception {
    var response = chat.post(body.replace("M,", GOOD + ",").replace("T,", TOOL + ","));

    assertThat(response.statusCode()).as(response.body()).isIn(400, 404);
    var error = ServerFixture.JSON.readTree(response.body()).get("error");
    assertThat(error.propertyNames()).containsExactly("message", "type", "param", "code");
    assertThat(error.get("param").stringValue()).isEqualTo(param);
    assertThat(error.get("message").stringValue()).contains(message);
    assertThat(error.get("type").stringValue()).isEqualTo("invalid_request_error");
    assertThat(chat.api.engine.live).isEmpty();
  }

  @Test
  void harmlessOnesAreAccepted() throws Exception {
    chat.complete(
        "{"
            + GOOD
            + """
            , "max_tokens": 1, "user": "me", "metadata": {"a": "b"}, "store": true, "tools": [],
             "tool_choice": "none", "reasoning_effort": "low", "verbosity": "low",
             "parallel_tool_calls": true, "prompt_cache_key": "k", "safety_identifier": "s",
             "service_tier": "flex", "modalities": ["text"], "audio": null, "prediction": null,
             "functions": null, "chat_template_kwargs": {"enable_thinking": false}, "unknown": 1}""");
  }

  @Test
  void manyMessagesAreRefusedByTheirNumber() throws Exception {
    String messages =
        IntStream.range(0, 5000)
            .mapToObj(_ -> "{\"role\": \"user\", \"content\": \"x\"}")
            .collect(Collectors.joining(","));

    var response = chat.post("{\"messages\": [" + messages + "]}");

    assertThat(response.statusCode()).isEqualTo(400);
    assertThat(response.body()).contains("5000 entries");
  }
}
