package io.dejavu.api;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Whatever a client sends gets a clear answer, and the next request works.
class BadInputTest {
  private static ServerFixture api;

  @BeforeAll
  static void open() throws BindException {
    api = new ServerFixture();
  }

  @AfterAll
  static void close() {
    api.close();
  }

  @AfterEach
  void theNextRequestWorks() throws Exception {
    var answer = api.complete("{\"prompt\": \"Hi\", \"max_tokens\": 5}");

    assertThat(answer.get("choices").get(0).get("text").stringValue()).isEqualTo("Hello");
    assertThat(api.engine.live).isEmpty();
  }

  /// Columns: body, `param` of the error, part of its message.
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '§',
      textBlock =
          """
          {                                                 |                   | ends too early: a quote or a closing bracket is missing (line 1, column 2)
          {"prompt": "Hi                                    |                   | ends too early: a quote or a closing bracket is missing (line 1, column
          {"prompt": "Hi"} x                                |                   | a value is expected: a string in double quotes, a number
          {"prompt": "Hi"} {"n": 1}                         |                   | one object is expected, and something follows it (line 1, column 18)
          {"prompt": "Hi"}}                                 |                   | this bracket closes nothing (line 1, column 17)
          {"prompt": [1}                                    |                   | this } closes a list: ] is expected (line 1, column 14)
          {"prompt": {"a": 1]}                              |                   | this ] closes an object: } is expected (line 1, column 19)
          {'prompt': "Hi"}                                  |                   | the name of a field is expected, in double quotes
          {"prompt": "Hi",}                                 |                   | no comma before a }) (line 1, column 17)
          {"prompt": 'Hi'}                                  |                   | a value is expected: a string in double quotes, a number
          {"prompt": [1,]}                                  |                   | a value is expected: a string in double quotes, a number
          {"prompt": "Hi", "stream": True}                  |                   | a value is expected: a string in double quotes, a number
          {"prompt" "Hi"}                                   |                   | a colon is expected between a name and its value (line 1, column 11)
          {"prompt": "Hi" "n": 1}                           |                   | a comma or a closing bracket is expected (line 1, column 17)
          {"prompt": "\\x"}                                 |                   | no such escape: after a backslash come
          {"prompt": "\\u12"}                               |                   | no such escape: after a backslash come
          {"prompt": "Hi", "n": 01}                         |                   | this is not how JSON writes numbers: 12,
          {"prompt": "Hi", "n": +1}                         |                   | this is not how JSON writes numbers: 12,
          {"prompt": "Hi", "n": 1.}                         |                   | this is not how JSON writes numbers: 12,
          {"prompt": "Hi", "n": 0x1}                        |                   | this is not how JSON writes numbers: 12,
          {"prompt": "Hi" /* n */}                          |                   | JSON has no comments: leave them out (line 1, column 17)
          {"prompt": "Hi", "temperature": -Infinity}        |                   | NaN and Infinity are no numbers in JSON: send a finite one, or leave the field out (line 1, column 42)
          [1, 2]                                            |                   | not a JSON object
          "Hi"                                              |                   | not a JSON object
          {}                                                | prompt            | prompt is missing
          {"prompt": null}                                  | prompt            | prompt is missing
          {"prompt": 7}                                     | prompt            | not the number 7
          {"prompt": {"a": 1}}                              | prompt            | not an object
          {"prompt": []}                                    | prompt            | empty list
          {"prompt": [[]]}                                  | prompt            | prompt is empty
          {"prompt": [true]}                                | prompt            | not a boolean
          {"prompt": ["a", 1]}                              | prompt            | not the number 1
          {"prompt": [1, "a"]}                              | prompt            | not a string
          {"prompt": [1.5]}                                 | prompt            | an integer, not the number 1.5
          {"prompt": [-1]}                                  | prompt            | must be between 0 and 259
          {"prompt": [260]}                                 | prompt            | must be between 0 and 259
          {"prompt": [99999999999999999999]}                | prompt            | must be between 0 and 259
          {"prompt": "\\ud800"}                             | prompt            | half of a surrogate pair
          {"prompt": "Hi", "max_tokens": -1}                | max_tokens        | must be between 0
          {"prompt": "Hi", "max_tokens": 1e300}             | max_tokens        | must be between 0
          {"prompt": "Hi", "max_tokens": "5"}               | max_tokens        | an integer, not a string
          {"prompt": "Hi", "max_tokens": true}              | max_tokens        | an integer, not a boolean
          {"prompt": "Hi", "max_tokens": 1000}              | prompt            | 3 in the prompt and 1000
          {"prompt": "Hi", "min_tokens": 17}                | min_tokens        | min_tokens is 17, max_tokens 16
          {"prompt": "Hi", "temperature": NaN}              |                   | NaN and Infinity are no numbers in JSON: send a finite one
          {"prompt": "Hi", "temperature": 1e999}            | temperature       | must be between 0.0 and 100.0
          {"prompt": "Hi", "temperature": -0.1}             | temperature       | must be between 0.0 and 100.0
          {"prompt": "Hi", "temperature": "hot"}            | temperature       | a number, not a string
          {"prompt": "Hi", "temperature": [1]}              | temperature       | a number, not a list
          {"prompt": "Hi", "top_p": -0.1}                   | top_p             | must be between
          {"prompt": "Hi", "top_p": 1.01}                   | top_p             | must be between
          {"prompt": "Hi", "top_k": -2}                     | top_k             | must be between -1
          {"prompt": "Hi", "min_p": 2}                      | min_p             | must be between
          {"prompt": "Hi", "repetition_penalty": 0}         | repetition_penalty| must be between
          {"prompt": "Hi", "presence_penalty": 3}           | presence_penalty  | must be between -2.0 and 2.0
          {"prompt": "Hi", "frequency_penalty": -3}         | frequency_penalty | must be between -2.0 and 2.0
          {"prompt": "Hi", "n": 0}                          | n                 | must be between 1 and 128
          {"prompt": "Hi", "n": 129}                        | n                 | must be between 1 and 128
          {"prompt": "Hi", "n": 1.5}                        | n                 | an integer, not the number 1.5
          {"prompt": ["a","b","c"], "n": 64}                | prompt            | 3 entries, at most 2
          {"prompt": "Hi", "best_of": 3}                    | best_of           | not supported
          {"prompt": "Hi", "logprobs": 21}                  | logprobs          | must be between 0 and 20
          {"prompt": "Hi", "logprobs": true}                | logprobs          | an integer, not a boolean
          {"prompt": "Hi", "seed": 1.5}                     | seed              | 64-bit integer
          {"prompt": "Hi", "seed": 99999999999999999999}    | seed              | 64-bit integer
          {"prompt": "Hi", "stop": ""}                      | stop              | empty string
          {"prompt": "Hi", "stop": [1]}                     | stop              | a string or a list of strings
          {"prompt": "Hi", "stop_token_ids": [260]}         | stop_token_ids    | must be between 0 and 259
          {"prompt": "Hi", "stop_token_ids": 1}             | stop_token_ids    | a list of token ids
          {"prompt": "Hi", "logit_bias": {"x": 1}}          | logit_bias        | not a token id
          {"prompt": "Hi", "logit_bias": {"260": 1}}        | logit_bias        | not a token id
          {"prompt": "Hi", "logit_bias": {"1": 101}}        | logit_bias        | must be between -100.0 and 100.0
          {"prompt": "Hi", "logit_bias": [1]}               | logit_bias        | an object
          {"prompt": "Hi", "stream": "yes"}                 | stream            | a boolean, not a string
          {"prompt": "Hi", "stream": 1}                     | stream            | a boolean, not the number 1
          {"prompt": "Hi", "stream_options": {}}            | stream_options    | needs stream
          {"prompt": "Hi", "stream": true, "stream_options": 1} | stream_options | an object
          {"prompt": "Hi", "suffix": "end"}                 | suffix            | not supported
          {"prompt": "Hi", "guided_json": [1]}              | guided_json       | a JSON schema, not a list
          {"prompt": "Hi", "guided_json": "{"}              | guided_json       | not valid JSON
          {"prompt": "Hi", "guided_regex": "("}             | guided_regex      | guided_regex:
          {"prompt": "Hi", "guided_grammar": "root ::= x"}  | guided_grammar    | not supported
          {"prompt": "Hi", "response_format": {"type": "xml"}} | response_format.type | must be text, json_object
          {"prompt": "Hi", "response_format": "json"}       | response_format   | an object, not a string
          """)
  void aMistakeIsNamed(String body, String param, String message) throws Exception {
    assertError(api.post(body), 400, param, message);
  }

  @Test
  void harmlessOnesAreAccepted() throws Exception {
    api.complete(
        """
        {"prompt": "Hi", "max_tokens": 5.0, "stop": null, "suffix": null, "logit_bias": null,
         "best_of": 1, "user": "x", "top_k": -1, "guided_json": null, "use_beam_search": false,
         "response_format": {"type": "text"}, "stream": null, "stream_options": null}""");
  }

  @Test
  void anotherModelIsNotFound() throws Exception {
    var response = api.post("{\"model\": \"gpt-4\", \"prompt\": \"Hi\"}");

    assertError(response, 404, "model", "there is no model \"gpt-4\" here");
    assertThat(response.body()).contains("\"code\":\"model_not_found\"");
  }

  @Test
  void tooManyStopStringsAreRefused() throws Exception {
    String stops = String.join(",", Collections.nCopies(10_000, "\"x\""));

    var response = api.post("{\"prompt\": \"Hi\", \"stop\": [" + stops + "]}");

    assertError(response, 400, "stop", "10000 entries, at most 16");
  }

  @Test
  void aPromptThatIsTooLongIsRefused() throws Exception {
    var longer = api.post("{\"prompt\": \"" + "x".repeat(1200) + "\"}");
    assertError(longer, 400, "prompt", "the prompt has 1201 tokens");
    assertThat(longer.body()).contains("\"code\":\"context_length_exceeded\"");

    var giant = api.post("{\"prompt\": \"" + "x".repeat(4_000_000) + "\"}");
    assertError(giant, 400, "prompt", "longer for sure");

    // Tokenized by a thread of its own.
    var large = api.post("{\"prompt\": \"" + "x".repeat(20_000) + "\"}");
    assertError(large, 400, "prompt", "the prompt has 20001 tokens");

    var ids = api.post("{\"prompt\": [" + "-1,".repeat(100_000) + "-1]}");
    assertError(ids, 400, "prompt", "the prompt has 100001 tokens");
  }

  @Test
  void deepNestingIsRefused() throws Exception {
    String deep = "[".repeat(100_000) + "]".repeat(100_000);

    var response = api.post("{\"prompt\": \"Hi\", \"metadata\": " + deep + "}");

    assertError(
        response,
        400,
        null,
        "lists and objects nest deeper than 100 levels: nest less (line 1, column 130)");
  }

  @Test
  void tooLongNumbersAndNamesAreRefused() throws Exception {
    var number = api.post("{\"prompt\": \"Hi\", \"n\": " + "1".repeat(200) + "}");
    assertError(number, 400, null, "a number of more than 100 characters (line 1, column ");

    var name = api.post("{\"" + "x".repeat(5000) + "\": 1}");
    assertError(name, 400, null, "a name of more than 1000 characters (line 1, column ");
  }

  @Test
  void invalidUtf8IsRefused() throws Exception {
    for (int[] bytes : List.of(new int[] {0xc3, 0x28}, new int[] {0xff}, new int[] {0xe2, 0x82})) {
      byte[] body = "{\"prompt\": \"xyz\"}".getBytes(ISO_8859_1);
      for (int i = 0; i < bytes.length; i++) {
        body[12 + i] = (byte) bytes[i];
      }

      var response =
          api.send(api.request("/v1/completions").POST(BodyPublishers.ofByteArray(body)).build());

      assertError(response, 400, null, "not valid JSON");
    }
  }

  @Test
  void anEmptyBodyIsRefused() throws Exception {
    assertError(
        api.send(api.request("/v1/completions").POST(BodyPublishers.noBody()).build()),
        400,
        null,
        "body is empty");
  }

  @Test
  void aHugeBodyIsRefused() throws Exception {
    try (var socket = new Socket(InetAddress.getLoopbackAddress(), api.server.port())) {
      socket.setSoTimeout(5000);
      socket
          .getOutputStream()
          .write(
              "POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n"
                  .getBytes(ISO_8859_1));

      String answer = new String(socket.getInputStream().readAllBytes(), ISO_8859_1);

      assertThat(answer)
          .startsWith("HTTP/1.1 413 ")
          .contains("\"the body is too large\"")
          .containsOnlyOnce("X-Request-Id: req-");
    }
  }

  @Test
  void brokenHttpIsRefused() throws Exception {
    for (String request :
        List.of(
            "GARBAGE\r\n\r\n",
            "GET /health HTTP/1.1\r\nHost: x\r\nX: " + "y".repeat(100_000) + "\r\n\r\n",
            "POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
            "POST /v1/completions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")) {
      String answer = raw(request);

      assertThat(answer)
          .as(request)
          .startsWith("HTTP/1.1 400 ")
          .contains("\"error\"")
          .containsOnlyOnce("X-Request-Id: req-");
    }
  }

  @Test
  void unknownPathsAndMethodsAreNamed() throws Exception {
    assertError(api.get("/v1/nothing"), 404, null, "nothing is at /v1/nothing");
    assertError(api.get("/nothing"), 404, null, "nothing is at /nothing");
    assertError(api.get("/chat/completions"), 404, null, "; /v1/chat/completions is, and the base");
    assertError(api.get("/v1/v1/models"), 404, null, "; /v1 is there twice");
    var response = api.get("/v1/completions");
    assertError(response, 405, null, "/v1/completions does not take GET, only POST");
    assertThat(response.headers().firstValue("Allow")).hasValue("POST");
  }

  @Test
  void aRequestThatNeverEndsIsCutOff() throws Exception {
    var config = Deadlines.of(Duration.ofMillis(300), Duration.ofSeconds(30));
    try (var impatient = new ServerFixture(config, new ByteTokenizer());
        var socket = new Socket(InetAddress.getLoopbackAddress(), impatient.server.port())) {
      var out = socket.getOutputStream();
      out.write("POST /v1/completions HTTP/1.1\r\nHost: x\r\n".getBytes(ISO_8859_1));

      assertThat(isClosedWhileDripping(socket)).isTrue();
    }
  }

  /// Sends a byte now and then, as slowloris does, until the server closes.
  private static boolean isClosedWhileDripping(Socket socket) throws InterruptedException {
    try {
      for (int i = 0; i < 200; i++) {
        socket.getOutputStream().write("X".getBytes(ISO_8859_1));
        Thread.sleep(50);
      }
      return false;
    } catch (IOException _) {
      return true;
    }
  }

  private static String raw(String request) throws IOException {
    try (var socket = new Socket(InetAddress.getLoopbackAddress(), api.server.port())) {
      socket.setSoTimeout(5000);
      socket.getOutputStream().write(request.getBytes(ISO_8859_1));
      socket.shutdownOutput();
      return new String(socket.getInputStream().readAllBytes(), ISO_8859_1);
    }
  }

  private static void assertError(
      HttpResponse<String> response, int status, String param, String message) {
    assertThat(response.statusCode()).as(response.body()).isEqualTo(status);
    var error = ServerFixture.JSON.readTree(response.body()).get("error");
    assertThat(error.propertyNames()).containsExactlyInAnyOrder("message", "type", "param", "code");
    assertThat(error.get("message").stringValue()).contains(message);
    assertThat(error.get("param").stringValue(null)).isEqualTo(param);
    assertThat(response.headers().firstValue("Content-Type")).hasValue("application/json");
  }
}
