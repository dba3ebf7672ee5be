package io.dejavu.api;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import io.dejavu.engine.GenerationRequest;
import io.dejavu.engine.Pooling;
import java.net.BindException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.Base64;
import java.util.Collections;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

class EmbeddingsTest {
  private ServerFixture api;

  @BeforeEach
  void open() throws BindException {
    api = new ServerFixture();
  }

  @AfterEach
  void close() {
    api.close();
  }

  @Test
  void theAnswerIsOpenAis() throws Exception {
    var answer = embed("{\"model\": \"test/model\", \"input\": \"Hi\", \"user\": \"x\"}");

    assertThat(answer.get("object").stringValue()).isEqualTo("list");
    assertThat(answer.get("model").stringValue()).isEqualTo("test/model");
    assertThat(answer.get("id").stringValue()).startsWith("embd-");
    assertThat(answer.get("usage").toString())
        .isEqualTo("{\"prompt_tokens\":3,\"total_tokens\":3}");
    assertThat(answer.get("data").toString())
        .isEqualTo("[{\"object\":\"embedding\",\"index\":0,\"embedding\":[0.6,0.8,0.0]}]");
    assertThat(api.engine.requests)
        .singleElement()
        .extracting(GenerationRequest::embed, GenerationRequest::maxTokens)
        .containsExactly(Pooling.LAST, 0);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          "Hi"                | 1 | 3
          ["Hi", "x"]         | 2 | 5
          [72, 105]           | 1 | 2
          [[72, 105], [72]]   | 2 | 3
          """)
  void inputsHaveFourShapes(String input, int count, int tokens) throws Exception {
    var answer = embed("{\"input\": " + input + "}");

    assertThat(answer.get("data")).hasSize(count);
    assertThat(answer.get("usage").get("prompt_tokens").intValue()).isEqualTo(tokens);
  }

  @Test
  void manyInputsComeBackInTheirOrder() throws Exception {
    api.engine.pace(Duration.ofMillis(1));
    String inputs =
        String.join(",", Collections.nCopies(200, "[1]")) + ",[1, 2]," + "[1],".repeat(99) + "[1]";

    var answer = embed("{\"input\": [" + inputs + "]}");

    assertThat(answer.get("data")).hasSize(301);
    for (int i = 0; i < 301; i++) {
      var entry = answer.get("data").get(i);
      assertThat(entry.get("index").intValue()).isEqualTo(i);
      assertThat(entry.get("embedding").get(2).doubleValue()).isEqualTo(i == 200 ? 0 : 1);
    }
  }

  @Test
  void aRequestMaySayHowToPool() throws Exception {
    var mean = embed("{\"input\": \"Hi\", \"pooling\": \"mean\"}");

    assertThat(floats(mean)).containsExactly(.6f, 0f, .8f);
  }

  @Test
  void base64HasTheSameNumbers() throws Exception {
    var answer = embed("{\"input\": \"Hi\", \"encoding_format\": \"base64\"}");

    byte[] bytes =
        Base64.getDecoder().decode(answer.get("data").get(0).get("embedding").stringValue());
    var floats = new float[3];
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(floats);
    assertThat(bytes).hasSize(12);
    assertThat(floats).containsExactly(.6f, .8f, 0);
  }

  @Test
  void fewerDimensionsHaveLengthOneAgain() throws Exception {
    assertThat(floats(embed("{\"input\": \"Hi\", \"dimensions\": 1}"))).containsExactly(1f);
    assertThat(floats(embed("{\"input\": \"Hi\", \"dimensions\": 3}"))).hasSize(3);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '§',
      textBlock =
          """
          {}                                              | input           | input is missing
          {"input": 7}                                    | input           | not the number 7
          {"input": []}                                   | input           | empty list
          {"input": [[]]}                                 | input           | input is empty
          {"input": [260]}                                | input           | between 0 and 259
          {"input": ["a", 1]}                             | input           | not the number 1
          {"input": "Hi", "encoding_format": "int8"}      | encoding_format | "float" or "base64"
          {"input": "Hi", "encoding_format": 8}           | encoding_format | a string
          {"input": "Hi", "dimensions": 0}                | dimensions      | must be between 1
          {"input": "Hi", "dimensions": 4}                | dimensions      | the model has 3
          {"input": "Hi", "pooling": "max"}               | pooling         | "mean" or "last"
          """)
  void aMistakeIsNamed(String body, String param, String message) throws Exception {
    var response = api.post("/v1/embeddings", body);

    assertThat(response.statusCode()).as(response.body()).isEqualTo(400);
    var error = ServerFixture.JSON.readTree(response.body()).get("error");
    assertThat(error.get("param").stringValue()).isEqualTo(param);
    assertThat(error.get("message").stringValue()).contains(message);
    assertThat(api.engine.live).isEmpty();
  }

  @Test
  void aClientThatLeavesCancelsAllItsInputs() throws Exception {
    api.engine.pace(Duration.ofSeconds(30));
    String inputs = String.join(",", Collections.nCopies(100, "\"Hi\""));
    String body = "{\"input\": [" + inputs + "]}";
    try (var socket = new Socket(InetAddress.getLoopbackAddress(), api.server.port())) {
      socket
          .getOutputStream()
          .write(
              "POST /v1/embeddings HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s"
                  .formatted(body.length(), body)
                  .getBytes(ISO_8859_1));
      Waiting.until(() -> api.engine.live.size() == 32);
    }

    Waiting.until(() -> api.engine.cancelled.size() == 32 && api.engine.live.isEmpty());
    assertThat(api.engine.requests).as("at once").hasSize(32);
  }

  private JsonNode embed(String body) throws Exception {
    var response = api.post("/v1/embeddings", body);
    assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
    return ServerFixture.JSON.readTree(response.body());
  }

  private static Float[] floats(JsonNode answer) {
    return StreamSupport.stream(answer.get("data").get(0).get("embedding").spliterator(), false)
        .map(JsonNode::floatValue)
        .toArray(Float[]::new);
  }
}
