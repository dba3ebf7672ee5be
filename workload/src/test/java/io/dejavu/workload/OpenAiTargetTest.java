package io.dejavu.workload;

import static io.dejavu.workload.ScriptedServer.stream;
import static io.dejavu.workload.ScriptedServer.token;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.JsonNodeFactory;

@Timeout(60)
final class OpenAiTargetTest {
  private static final String USAGE =
      "{\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":5,\"total_tokens\":14,"
          + "\"prompt_tokens_details\":{\"cached_tokens\":4}}}";
  private static final String END =
      "{\"choices\":[{\"index\":0,\"text\":\"\",\"finish_reason\":\"length\"}]}";

  private static TargetConfig config(URI server) {
    return new TargetConfig(
        server,
        TargetConfig.Endpoint.COMPLETIONS,
        "m",
        "secret",
        TargetConfig.PromptForm.TOKENS,
        true,
        Duration.ofSeconds(30),
        Duration.ofSeconds(5),
        JsonNodeFactory.instance.objectNode().put("top_k", 7).put("temperature", 1));
  }

  private static OpenAiTarget target(TargetConfig config) {
    return new OpenAiTarget(
        config, new PromptMaker(16, 500, 1), new PromptText(1), System::nanoTime);
  }

  private static Attempt ask(TargetConfig config) {
    try (var target = target(config)) {
      return target
          .prepare(PlannedRequest.of(8, 4), 3)
          .send(RunClock.startingNow(System::nanoTime));
    }
  }

  private static Attempt answered(String answer) throws IOException {
    try (var server = ScriptedServer.of(answer)) {
      return ask(config(server.url()));
    }
  }

  @Test
  void anAnswerIsTimedAndCounted() throws IOException {
    var attempt = answered(stream(token("a"), token(""), token("b"), END, USAGE, "[DONE]"));

    assertThat(attempt.failure()).isNull();
    assertThat(attempt.number()).isEqualTo(3);
    assertThat(attempt.chunkNanos()).as("all but the last, which has none").hasSize(3).isSorted();
    assertThat(attempt.promptTokens()).isEqualTo(9);
    assertThat(attempt.outputTokens()).isEqualTo(5);
    assertThat(attempt.cachedTokens()).isEqualTo(4);
    assertThat(attempt.startNanos()).isLessThanOrEqualTo(attempt.chunkNanos()[0]);
    assertThat(attempt.chunkNanos()[1]).isLessThanOrEqualTo(attempt.endNanos());
  }

  @Test
  void withoutUsageChunksAreCounted() throws IOException {
    var attempt = answered(stream(token("a"), token("b"), token("c"), END));

    assertThat(attempt.failure()).as("complete by its finish reason").isNull();
    assertThat(attempt.outputTokens()).isEqualTo(3);
    assertThat(attempt.promptTokens()).isEqualTo(8);
  }

  @Test
  void anEndWithoutTextCountsWhereThereIsNothingElse() throws IOException {
    assertThat(answered(stream(token(""), token(""), END, "[DONE]")).chunkNanos()).hasSize(2);
    assertThat(answered(stream(END, "[DONE]")).chunkNanos()).hasSize(1);
  }

  @Test
  void whatIsSentIsWhatWasAskedFor() throws IOException {
    try (var server = ScriptedServer.of(stream(token("a"), "[DONE]"))) {
      ask(config(server.url()));

      String[] request = server.requests().getFirst().split("\r\n\r\n", 2);
      assertThat(request[0])
          .startsWith("POST /v1/completions HTTP/1.1\r\n")
          .contains("Authorization: Bearer secret");
      var body = new JsonMapper().readTree(request[1]);
      assertThat(body.get("prompt")).hasSize(8);
      assertThat(body.get("max_tokens").intValue()).isEqualTo(4);
      assertThat(body.get("model").stringValue()).isEqualTo("m");
      assertThat(body.get("ignore_eos").booleanValue()).isTrue();
      assertThat(body.get("stream_options").get("include_usage").booleanValue()).isTrue();
      assertThat(body.get("top_k").intValue()).isEqualTo(7);
      assertThat(body.get("temperature").intValue()).as("the extra one wins").isEqualTo(1);
    }
  }

  @Test
  void aChatIsAskedInWords() throws IOException {
    String role = "{\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}";
    String word = "{\"choices\":[{\"delta\":{\"content\":\"hi\"},\"finish_reason\":null}]}";
    try (var server = ScriptedServer.of(stream(role, word, word, USAGE, "[DONE]"))) {
      var plain = config(server.url());
      var attempt =
          ask(
              new TargetConfig(
                  plain.base(),
                  TargetConfig.Endpoint.CHAT,
                  "m",
                  null,
                  TargetConfig.PromptForm.TEXT,
                  false,
                  plain.deadline(),
                  plain.connectPatience(),
                  JsonNodeFactory.instance.objectNode()));

      assertThat(attempt.chunkNanos()).as("the role is no token").hasSize(2);
      String[] request = server.requests().getFirst().split("\r\n\r\n", 2);
      assertThat(request[0])
          .startsWith("POST /v1/chat/completions ")
          .doesNotContain("Authorization");
      var body = new JsonMapper().readTree(request[1]);
      assertThat(body.get("messages").get(0).get("content").stringValue().split(" ")).hasSize(8);
      assertThat(body.has("ignore_eos")).isFalse();
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '§',
      textBlock =
          """
          HTTP/1.1 429 Slow down~Content-Length: 5~~later             | http 429  | later
          HTTP/1.1 500 Oops~Connection: close~~{"error": "x"}         | http 500  | {"error": "x"}
          HTTP/1.1 200 OK~Content-Type: application/json~Content-Length: 2~~{} | malformed | application/json
          HTTP/1.1 200 OK~Content-Type: text/event-stream~~data: {"choi~~     | malformed | Unexpected end
          HTTP/1.1 200 OK~Content-Type: text/event-stream~~data: [1]~~        | server    | not an object
          HTTP/1.1 200 OK~Content-Type: text/event-stream~~data: {"error": {"message": "no"}}~~ | server | no
          HTTP/1.1 200 OK~Content-Type: text/event-stream~~data: [DONE]~~     | empty     | without a token
          HTTP/1.1 200 OK~Content-Type: text/event-stream~~data: {"choices":[{"text":"a"}]}~~ | cut | before the answer was complete
          HTTP/1.1 200 OK~Content-Type: text/event-stream~Transfer-Encoding: chunked~~1d~data: {"choices":[{"text":"a | cut | closed within
          HTTP/1.1 200 OK~Content-Type: text/event-stream~Transfer-Encoding: chunked~~zz~     | malformed | size of a chunk
          SSH-2.0-OpenSSH~~                                           | malformed | not an answer of HTTP/1.1
          §§                                                          | connect   | closed before an answer
          """)
  void whatGoesWrongIsSaid(String answer, String label, String message) throws IOException {
    var attempt = answered(answer.replace("~", "\r\n"));

    assertThat(attempt.failure()).isNotNull();
    assertThat(attempt.failure().label()).as(attempt.failure().message()).isEqualTo(label);
    assertThat(attempt.failure().message()).contains(message);
    assertThat(attempt.completed()).isFalse();
  }

  @Test
  void aServerThatIsNotThereIsSaid() throws IOException {
    URI nowhere;
    try (var socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      nowhere = URI.create("http://127.0.0.1:" + socket.getLocalPort());
    }

    assertThat(ask(config(nowhere)).failure().kind()).isEqualTo(Failure.Kind.CONNECT);
    assertThatThrownBy(() -> new ServerProbe(config(nowhere).withModel("")).resolved())
        .isInstanceOf(ServerProbe.Unreachable.class)
        .hasMessageContaining("/v1/models does not answer");
  }

  @Test
  void aConnectionIsUsedAgainAndReplacedWhenItWasClosed() throws IOException {
    var whole = stream(token("a"), END, "[DONE]").getBytes(UTF_8);
    try (var server =
            new ScriptedServer(
                (number, client) -> {
                  client.getOutputStream().write(whole);
                  return number < 2; // the third answer is the last of its connection
                });
        var target = target(config(server.url()))) {
      var clock = RunClock.startingNow(System::nanoTime);
      for (int i = 0; i < 6; i++) {
        assertThat(target.prepare(PlannedRequest.of(4, 1), i).send(clock).failure())
            .as("request %d", i)
            .isNull();
      }

      assertThat(server.requests()).hasSize(6);
      assertThat(server.connections()).as("one for the first three").isEqualTo(4);
    }
  }

  @Test
  void aDeadlineEndsARequestThatHangs() throws IOException {
    var release = new CountDownLatch(1);
    try (var server =
        new ScriptedServer(
            (_, client) -> {
              String begun = stream(token("a")).replace("0\r\n\r\n", "");
              client.getOutputStream().write(begun.getBytes(UTF_8));
              return !release.await(50, TimeUnit.SECONDS);
            })) {
      var plain = config(server.url());
      var hasty =
          new TargetConfig(
              plain.base(),
              plain.endpoint(),
              "m",
              null,
              plain.form(),
              true,
              Duration.ofMillis(200),
              plain.connectPatience(),
              plain.extra());

      assertThat(ask(hasty).failure().label()).isEqualTo("timeout");
      release.countDown();
    }
  }

  @Test
  void aStoppedRunHasWhatWasMeasuredSoFar() throws Exception {
    var hanging = new CountDownLatch(1);
    var release = new CountDownLatch(1);
    try (var server =
            new ScriptedServer(
                (number, client) -> {
                  if (number < 3) {
                    client.getOutputStream().write(stream(token("a"), "[DONE]").getBytes(UTF_8));
                    return true;
                  }
                  hanging.countDown();
                  return !release.await(50, TimeUnit.SECONDS);
                });
        var target = target(config(server.url()))) {
      var outcome = new AtomicReference<LoadRun.Outcome>();
      var run = new LoadRun(target, System::nanoTime, _ -> {});
      var workload = SyntheticWorkload.of(SyntheticWorkload.Kind.FIXED).make(20, 1);
      var running = Thread.ofVirtual().start(() -> outcome.set(run.closed(workload, 1)));
      hanging.await();

      run.stop();
      running.join();
      release.countDown();

      assertThat(outcome.get().stopped()).isTrue();
      var figures = ServingFigures.of(outcome.get(), Objective.NONE);
      assertThat(figures.completed()).isEqualTo(3);
      assertThat(figures.failed()).isZero();
      assertThat(figures.stopped()).isEqualTo(1);
    }
  }
}
