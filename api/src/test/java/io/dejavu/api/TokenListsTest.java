package io.dejavu.api;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.BindException;
import java.util.Arrays;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

class TokenListsTest {
  private static ServerFixture api;

  @BeforeAll
  static void open() throws BindException {
    api = new ServerFixture();
  }

  @AfterAll
  static void close() {
    api.close();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '§',
      textBlock =
          """
          /tokenize   | {"prompt": "Hi"} | {"count":3,"max_model_len":1000,"tokens":[257,72,105],"token_strs":null}
          /tokenize   | {"prompt": "Hi", "add_special_tokens": false} | {"count":2,"max_model_len":1000,"tokens":[72,105],"token_strs":null}
          /tokenize   | {"prompt": "Hi", "add_special_tokens": false, "return_token_strs": true} | {"count":2,"max_model_len":1000,"tokens":[72,105],"token_strs":["<0x48>","<0x69>"]}
          /tokenize   | {"prompt": "", "add_special_tokens": false} | {"count":0,"max_model_len":1000,"tokens":[],"token_strs":null}
          /detokenize | {"tokens": [72, 105]} | {"prompt":"Hi"}
          /detokenize | {"tokens": []} | {"prompt":""}
          """)
  void answersAreVllms(String path, String body, String answer) throws Exception {
    var response = api.post(path, body);

    assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
    assertThat(response.body()).isEqualTo(answer);
  }

  @Test
  void aTextMayBeLongerThanTheContext() throws Exception {
    var response = api.post("/tokenize", "{\"prompt\": \"" + "x".repeat(300_000) + "\"}");

    assertThat(response.body()).startsWith("{\"count\":300001,");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '§',
      textBlock =
          """
          /tokenize   | {}                                | 400 | prompt | prompt is missing, or messages
          /tokenize   | {"prompt": "\\ud800"}             | 400 | prompt | half of a surrogate pair
          /tokenize   | {"prompt": "x", "messages": []}   | 400 | messages | exclude each other
          /tokenize   | {"messages": [{"role": "user", "content": "x"}]} | 400 | messages | has no chat template
          /tokenize   | {"prompt": 7}                     | 400 | prompt | a string
          /tokenize   | {"prompt": "x", "model": "other"} | 404 | model  | there is no model
          /detokenize | {}                                | 400 | tokens | tokens is missing
          /detokenize | {"tokens": "x"}                   | 400 | tokens | a list of token ids
          /detokenize | {"tokens": [260]}                 | 400 | tokens | between 0 and 259
          /detokenize | {"tokens": [1e999]}               | 400 | tokens | tokens
          """)
  void aMistakeIsNamed(String path, String body, int status, String param, String message)
      throws Exception {
    var response = api.post(path, body);

    assertThat(response.statusCode()).as(response.body()).isEqualTo(status);
    var error = ServerFixture.JSON.readTree(response.body()).get("error");
    assertThat(error.get("param").stringValue()).isEqualTo(param);
    assertThat(error.get("message").stringValue()).contains(message);
  }

  @Test
  void messagesBecomeThePromptThatTheChatWouldGet() throws Exception {
    try (var chat = new ChatFixture()) {
      for (var body :
          new String[] {
            "{\"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}]}",
            """
            {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yo"}],
             "add_generation_prompt": false, "continue_final_message": true}""",
            """
            {"messages": [{"role": "user", "content": "Hi"}], "add_special_tokens": true,
             "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}]}"""
          }) {
        var response = chat.api.post("/tokenize", body);

        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        chat.complete(body);
        int[] prompt = chat.api.engine.requests.getLast().prompt();
        var tokens = ServerFixture.JSON.readTree(response.body()).get("tokens");
        assertThat(tokens.valueStream().mapToInt(JsonNode::intValue))
            .containsExactly(boxed(prompt));
        assertThat(response.body()).startsWith("{\"count\":" + prompt.length + ",");
      }
    }
  }

  @Test
  void messagesAreCheckedAsThoseOfAChat() throws Exception {
    try (var chat = new ChatFixture()) {
      var response = chat.api.post("/tokenize", "{\"messages\": [{\"role\": \"wizard\"}]}");

      assertThat(response.statusCode()).isEqualTo(400);
      assertThat(response.body()).contains("messages[0].role is \\\"wizard\\\"");
    }
  }

  private static Integer[] boxed(int[] ids) {
    return Arrays.stream(ids).boxed().toArray(Integer[]::new);
  }
}
