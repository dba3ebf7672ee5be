package io.dejavu.api;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.BindException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

class ChatCompletionsTest {
  private ChatFixture chat;

  @BeforeEach
  void open() throws BindException {
    chat = new ChatFixture();
  }

  @AfterEach
  void close() {
    chat.close();
  }

  private static String hi(String more) {
    return "{\"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}]" + more + "}";
  }

  @Test
  void anAnswerIsOpenAisToTheLetter() throws Exception {
    chat.api.engine.says("Ciao$");

    String body = chat.complete(hi(", \"model\": \"test/model\", \"service_tier\": \"auto\""));

    assertThat(body.replaceFirst("chatcmpl-[0-9a-f]{16}", "ID"))
        .isEqualTo(
            """
            {"id":"ID","object":"chat.completion","created":1767225600,"model":"test/model",\
            "system_fingerprint":"fp_test","service_tier":"default","choices":[{"index":0,\
            "message":{"role":"assistant","content":"Ciao","refusal":null},"logprobs":null,\
            "finish_reason":"stop","stop_reason":null}],\
            "usage":{"prompt_tokens":24,"completion_tokens":5,"total_tokens":29,\
            "prompt_tokens_details":{"cached_tokens":0},"completion_tokens_details":\
            {"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,\
            "rejected_prediction_tokens":0}}}""");
    assertThat(chat.lastPrompt()).isEqualTo("^<user>Hi</>\n<assistant>");
  }

  @Test
  void aStreamIsOpenAisToTheLetter() throws Exception {
    var events =
        chat.events(
            hi(
                ", \"max_tokens\": 1, \"stream\": true,"
                    + "\"stream_options\": {\"include_usage\": true}"));

    String head =
        """
        {"id":"ID","object":"chat.completion.chunk","created":1767225600,"model":"test/model",\
        "system_fingerprint":"fp_test",""";
    assertThat(events.stream().map(e -> e.replaceFirst("chatcmpl-[0-9a-f]{16}", "ID")))
        .containsExactly(
            head
                + """
                "choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,\
                "finish_reason":null}],"usage":null}""",
            head
                + """
                "choices":[{"index":0,"delta":{"content":"H"},"logprobs":null,\
                "finish_reason":null}],"usage":null}""",
            head
                + """
                "choices":[{"index":0,"delta":{},"logprobs":null,\
                "finish_reason":"length","stop_reason":null}],"usage":null}""",
            head
                + """
                "choices":[],"usage":{"prompt_tokens":24,"completion_tokens":1,"total_tokens":25,\
                "prompt_tokens_details":{"cached_tokens":0},"completion_tokens_details":\
                {"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,\
                "rejected_prediction_tokens":0}}}""");
  }

  @Test
  void aChatHasRoomForTheWholeContext() throws Exception {
    chat.api.engine.says("Ciao$");

    chat.complete(hi(""));

    assertThat(chat.api.engine.requests.getLast().maxTokens()).isEqualTo(1000 - 24);
  }

  @Test
  void allKindsOfMessagesReachTheTemplate() throws Exception {
    chat.complete(
        """
        {"max_completion_tokens": 1, "max_tokens": 9, "messages": [
          {"role": "developer", "content": "Be brief."},
          {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
           "name": "Eve"},
          {"role": "assistant", "content": null, "tool_calls": [{"id": "call_1", "type": "function",
            "function": {"name": "add", "arguments": "{\\"a\\": 1}"}}]},
          {"role": "tool", "tool_call_id": "call_1", "content": "2"},
          {"role": "assistant", "refusal": "No."}]}""");

    assertThat(chat.lastPrompt())
        .isEqualTo(
            """
            ^<system>Be brief.</>
            <user>a
            b</>
            <assistant>[{"id": "call_1", "type": "function", "function": {"name": "add", \
            "arguments": {"a": 1}}}]</>
            <tool>2</>
            <assistant>No.</>
            <assistant>""");
    assertThat(chat.api.engine.requests.getLast().maxTokens()).isEqualTo(1);
  }

  @Test
  void anAnswerCanBeContinued() throws Exception {
    String body =
        chat.complete(
            """
            {"max_tokens": 5, "continue_final_message": true, "add_generation_prompt": false,
             "echo": true, "messages": [
              {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Well, "}]}""");

    assertThat(chat.lastPrompt()).isEqualTo("^<user>Hi</>\n<assistant>Well, ");
    assertThat(body).contains("\"content\":\"Well, Hello\"");
  }

  @Test
  void logprobsHaveTheBytesOfPartsOfCharacters() throws Exception {
    chat.api.engine.says("é");

    var whole = chat.choice(hi(", \"max_tokens\": 2, \"logprobs\": true, \"top_logprobs\": 1"));

    assertThat(whole.get("message").get("content").stringValue()).isEqualTo("é");
    assertThat(whole.get("logprobs").toString())
        .isEqualTo(
            """
            {"content":[{"token":"bytes:\\\\xc3","logprob":-0.5,"bytes":[195],"top_logprobs":\
            [{"token":"bytes:\\\\xc3","logprob":-0.5,"bytes":[195]}]},\
            {"token":"bytes:\\\\xa9","logprob":-0.5,"bytes":[169],"top_logprobs":\
            [{"token":"bytes:\\\\xa9","logprob":-0.5,"bytes":[169]}]}],"refusal":null}""");
  }

  @Test
  void aStreamHasTheLogprobsOfEachTokenOnce() throws Exception {
    var events =
        chat.events(hi(", \"max_tokens\": 5, \"logprobs\": true, \"n\": 2, \"stream\": true"));

    for (int index = 0; index < 2; index++) {
      var tokens = new StringBuilder();
      var text = new StringBuilder();
      for (String event : events) {
        var choice = ServerFixture.JSON.readTree(event).get("choices").get(0);
        if (choice.get("index").intValue() == index) {
          text.append(choice.get("delta").path("content").stringValue(""));
          for (JsonNode token : choice.path("logprobs").path("content")) {
            tokens.append(token.get("token").stringValue());
            assertThat(token.get("top_logprobs")).isEmpty();
          }
        }
      }
      assertThat(text.toString()).isEqualTo("Hello");
      assertThat(tokens.toString()).isEqualTo("Hello");
    }
  }

  @Test
  void aStopStringEndsAnAnswer() throws Exception {
    chat.api.engine.says("one two three ");

    var choice = chat.choice(hi(", \"stop\": [\"two\"], \"max_tokens\": 500"));
    var streamed = chat.stream(hi(", \"stop\": \"two\", \"max_tokens\": 500, \"stream\": true"));

    assertThat(choice.get("message").get("content").stringValue()).isEqualTo("one ");
    assertThat(choice.get("finish_reason").stringValue()).isEqualTo("stop");
    assertThat(choice.get("stop_reason").stringValue()).isEqualTo("two");
    assertThat(streamed.content.toString()).isEqualTo("one ");
    assertThat(streamed.finish).isEqualTo("stop");
  }

  @Test
  void theModelsOwnStopStringsEndFreeAnswers() throws Exception {
    chat.api.engine.says("Ciao[END] or not$");

    var free = chat.choice(hi(""));
    var ignored = chat.choice(hi(", \"ignore_eos\": true, \"max_tokens\": 12"));
    var formed = chat.choice(hi(", \"guided_regex\": \".*\""));

    assertThat(free.get("message").get("content").stringValue()).isEqualTo("Ciao");
    assertThat(ignored.get("message").get("content").stringValue()).isEqualTo("Ciao[END] or");
    assertThat(formed.get("message").get("content").stringValue()).isEqualTo("Ciao[END] or not");
  }

  @Test
  void whatIsAskedAboutThePromptStandsBesideTheChoices() throws Exception {
    var answer =
        ServerFixture.JSON.readTree(
            chat.complete(
                hi(", \"max_tokens\": 1, \"return_token_ids\": true, \"prompt_logprobs\": 0")));

    assertThat(answer.get("prompt_token_ids")).hasSize(24);
    assertThat(answer.get("prompt_logprobs")).hasSize(24);
    assertThat(answer.get("choices").get(0).get("token_ids").toString()).isEqualTo("[72]");
  }

  @Test
  void aFailureWithinAStreamIsItsLastEvent() throws Exception {
    chat.api.engine.fails("out of luck");
    chat.api.engine.pace(java.time.Duration.ofMillis(5));

    var events = chat.events(hi(", \"max_tokens\": 20, \"stream\": true"));

    assertThat(events.getLast())
        .isEqualTo(
            "{\"error\":{\"message\":\"out of luck\",\"type\":\"server_error\",\"param\":null,"
                + "\"code\":null}}");
  }

  @Test
  void anAnswerCanBeGivenAForm() throws Exception {
    chat.api.engine.says("x$");
    chat.complete(hi(", \"response_format\": {\"type\": \"json_object\"}"));
    assertThat(chat.allows("{\"a\": [1, {}]}")).isTrue();
    assertThat(chat.allows("[1]")).isFalse();
    assertThat(chat.allows("{\"a\": 1")).isFalse();

    chat.complete(
        hi(
            """
            , "response_format": {"type": "json_schema", "json_schema": {"name": "n", "strict": true,
              "schema": {"type": "object", "properties": {"a": {"type": "integer"}},
                         "required": ["a"], "additionalProperties": false}}}"""));
    assertThat(chat.allows("{\"a\": 17}")).isTrue();
    assertThat(chat.allows("{\"a\": \"x\"}")).isFalse();
    assertThat(chat.allows("{}")).isFalse();

    chat.complete(hi(", \"guided_regex\": \"[ab]{3}\""));
    assertThat(chat.allows("aba")).isTrue();
    assertThat(chat.allows("abc")).isFalse();

    chat.complete(hi(", \"structured_outputs\": {\"choice\": [\"yes\", \"no\"]}"));
    assertThat(chat.allows("no")).isTrue();
    assertThat(chat.allows("maybe")).isFalse();

    chat.complete(hi(", \"response_format\": {\"type\": \"text\"}"));
    assertThat(chat.api.engine.requests.getLast().constraint()).isNull();
  }

  @Test
  void completionsCanBeGivenAFormToo() throws Exception {
    chat.api.engine.says("x$");

    chat.api.complete("{\"prompt\": \"Hi\", \"guided_choice\": [\"yes\", \"no\"]}");

    assertThat(chat.allows("yes")).isTrue();
    assertThat(chat.allows("Yes")).isFalse();
  }

  @Test
  void thoughtsAreApart() throws Exception {
    String template = ChatFixture.TEMPLATE.replace("<assistant>{%", "<assistant><think>\n{%");
    for (String given : new String[] {ChatFixture.TEMPLATE, template}) {
      try (var thinker = new ChatFixture(ToolCallStyle.HERMES, true, given)) {
        boolean opened = given.equals(template);
        thinker.api.engine.says((opened ? "" : "<think>\n") + "Hm.\n</think>\n\nYes.$");

        var answer = ServerFixture.JSON.readTree(thinker.complete(hi("")));
        var streamed = thinker.stream(hi(", \"stream\": true"));

        var message = answer.get("choices").get(0).get("message");
        assertThat(message.get("content").stringValue()).isEqualTo("Yes.");
        assertThat(message.get("reasoning_content").stringValue()).isEqualTo("Hm.");
        assertThat(streamed.content.toString()).isEqualTo("Yes.");
        assertThat(streamed.reasoning.toString()).isEqualTo("Hm.");
        var details = answer.get("usage").get("completion_tokens_details");
        assertThat(details.get("reasoning_tokens").intValue()).isBetween(10, 20);
      }
    }
  }

  @Test
  void withoutATemplateAChatIsRefused() throws Exception {
    try (var bare = new ServerFixture()) {
      var response =
          bare.send(
              bare.request("/v1/chat/completions")
                  .POST(java.net.http.HttpRequest.BodyPublishers.ofString(hi("")))
                  .build());

      assertThat(response.statusCode()).isEqualTo(400);
      assertThat(response.body()).contains("has no chat template").contains("--chat-template");
    }
  }
}
