package io.dejavu.api;

import static io.dejavu.api.ServerFixture.text;
import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.dejavu.observe.Telemetry;
import io.dejavu.observe.TelemetryConfig;
import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.Test;

/// Clients that leave, don't read, come too many or come when the server stops.
class ClientsTest {
  private static final Duration SLOW = Duration.ofMillis(20);

  @Test
  void aClientThatLeavesCancelsItsStream() throws Exception {
    try (var api = new ServerFixture()) {
      api.engine.pace(SLOW);
      try (var socket = post(api, "{\"prompt\": \"Hi\", \"max_tokens\": 900, \"stream\": true}")) {
        assertThat(socket.getInputStream().read()).isEqualTo('H'); // TTP/1.1 200
        assertThat(api.engine.live).hasSize(1);
      }

      Waiting.until(() -> api.engine.cancelled.size() == 1 && api.engine.live.isEmpty());
    }
  }

  @Test
  void aClientThatLeavesWhileItWaitsCancelsAllItsSequences() throws Exception {
    try (var api = new ServerFixture()) {
      api.engine.pace(Duration.ofSeconds(30));
      try (var _ = post(api, "{\"prompt\": [\"Hi\", \"Ho\"], \"n\": 2, \"max_tokens\": 900}")) {
        Waiting.until(() -> api.engine.live.size() == 4);
      }

      Waiting.until(() -> api.engine.cancelled.size() == 4 && api.engine.live.isEmpty());
    }
  }

  @Test
  void aClientThatDoesNotReadIsDropped() throws Exception {
    var config = Deadlines.of(Duration.ofSeconds(30), Duration.ofMillis(500));
    try (var api = new ServerFixture(config, new ByteTokenizer());
        var socket = new Socket()) {
      socket.setReceiveBufferSize(4096);
      socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), api.server.port()));
      // The socket buffers of both sides are megabytes; logprobs make large chunks.
      write(
          socket,
          "{\"prompt\": \"Hi\", \"max_tokens\": 900, \"stream\": true, \"logprobs\": 20, \"n\": 40}");

      Waiting.until(() -> api.engine.requests.size() == 40);
      Waiting.until(() -> api.engine.live.isEmpty());
      var other = api.complete("{\"prompt\": \"Hi\", \"max_tokens\": 5}");
      assertThat(other.get("choices").get(0).get("text").stringValue()).isEqualTo("Hello");
      Waiting.until(() -> closedByServer(socket));
    }
  }

  /// As a client whose machine is gone: nothing is acknowledged, nothing is said. An answer without
  /// anything that makes it large.
  @Test
  void aClientThatNoLongerTakesItsStreamLosesItBeforeItsEnd() throws Exception {
    var config = Deadlines.of(Duration.ofSeconds(30), Duration.ofMillis(300));
    try (var api = new ServerFixture(config, new ByteTokenizer());
        var socket = new Socket()) {
      api.engine.pace(Duration.ofMillis(4));
      socket.setReceiveBufferSize(4096);
      socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), api.server.port()));

      write(socket, "{\"prompt\": \"Hi\", \"max_tokens\": 900, \"n\": 8, \"stream\": true}");

      Waiting.until(() -> api.engine.requests.size() == 8);
      Waiting.until(() -> api.engine.live.isEmpty());
      assertThat(api.engine.cancelled).as("ended by the server").hasSize(8);
      Waiting.until(() -> closedByServer(socket));
    }
  }

  @Test
  void aClientThatBreaksOffWithoutAFarewellCancelsItsRequest() throws Exception {
    try (var api = new ServerFixture()) {
      api.engine.pace(SLOW);
      for (boolean stream : new boolean[] {false, true}) {
        int before = api.engine.cancelled.size();
        try (var socket =
            post(api, "{\"prompt\": \"Hi\", \"max_tokens\": 900, \"stream\": " + stream + "}")) {
          Waiting.until(() -> api.engine.live.size() == 1);
          socket.setSoLinger(true, 0); // close() is a reset then
        }

        Waiting.until(() -> api.engine.cancelled.size() == before + 1);
        Waiting.until(() -> api.engine.live.isEmpty());
      }
    }
  }

  @Test
  void connectionsAreKeptAndRequestsMayComeAhead() throws Exception {
    try (var api = new ServerFixture()) {
      String body = "{\"prompt\": \"Hi\", \"max_tokens\": 5}";
      try (var socket = post(api, body)) {
        write(socket, body); // before the first answer is there
        Thread.sleep(50);
        write(socket, body);
        socket.setSoTimeout(5000);

        var seen = new StringBuilder();
        while (count(seen, "\"finish_reason\":\"length\"") < 3) {
          seen.append((char) socket.getInputStream().read());
        }

        assertThat(count(seen, "HTTP/1.1 200 OK")).isEqualTo(3);
      }
    }
  }

  @Test
  void aFullEngineSaysWhenToComeBack() throws Exception {
    try (var api = new ServerFixture()) {
      api.engine.pace(Duration.ofMillis(1)).room(1);

      var response = api.post("{\"prompt\": [\"Hi\", \"Ho\"], \"max_tokens\": 900}");

      assertThat(response.statusCode()).isEqualTo(503);
      assertThat(response.headers().firstValue("Retry-After")).hasValue("1");
      Waiting.until(() -> api.engine.live.isEmpty());
    }
  }

  @Test
  void anUnhealthyEngineIsSaidToBe() throws Exception {
    try (var api = new ServerFixture()) {
      assertThat(api.get("/health").statusCode()).isEqualTo(200);

      api.engine.problem("no step for 30 s");

      var health = api.get("/health");
      assertThat(health.statusCode()).isEqualTo(503);
      assertThat(health.body()).contains("no step for 30 s");
      var refused = api.post("{\"prompt\": \"Hi\"}");
      assertThat(refused.statusCode()).isEqualTo(503);
      assertThat(refused.headers().firstValue("Retry-After")).hasValue("1");
    }
  }

  @Test
  void aFailureIsSaidInTheStreamAndInTheStatus() throws Exception {
    try (var api = new ServerFixture()) {
      api.engine.pace(Duration.ofMillis(2));
      api.engine.fails("a kernel broke");

      var whole = api.post("{\"prompt\": \"Hi\", \"max_tokens\": 10}");
      assertThat(whole.statusCode()).isEqualTo(500);
      assertThat(whole.body()).contains("a kernel broke");

      var events = api.stream("{\"prompt\": \"Hi\", \"max_tokens\": 10, \"stream\": true}");
      assertThat(events.getLast().get("error").get("message").stringValue())
          .isEqualTo("a kernel broke");
    }
  }

  @Test
  void aRequestThatTakesTooLongIsGivenUp() throws Exception {
    var config =
        Deadlines.of(Duration.ofSeconds(30), Duration.ofSeconds(30), Duration.ofMillis(300));
    try (var api = new ServerFixture(config, new ByteTokenizer())) {
      api.engine.pace(SLOW);

      var response = api.post("{\"prompt\": \"Hi\", \"max_tokens\": 900}");

      assertThat(response.statusCode()).isEqualTo(504);
      Waiting.until(() -> api.engine.live.isEmpty());
    }
  }

  @Test
  void stoppingWaitsForWhatRunsAndTakesNothingNew() throws Exception {
    try (var api = new ServerFixture();
        var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      api.engine.pace(SLOW);
      var running =
          threads.submit(
              () ->
                  text(
                      api.stream("{\"prompt\": \"Hi\", \"max_tokens\": 28, \"stream\": true}"), 0));
      Waiting.until(() -> api.engine.live.size() == 1);

      var stopped = threads.submit(() -> api.server.drain(Duration.ofSeconds(10)));
      Waiting.until(() -> answers(api, 503));

      assertThat(running.get()).isEqualTo("Hello, world. Hello, world. ");
      assertThat(stopped.get()).isTrue();
    }
  }

  @Test
  void stoppingEndsWhatTakesTooLongWithAnError() throws Exception {
    try (var api = new ServerFixture();
        var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      api.engine.pace(SLOW);
      var stream =
          threads.submit(
              () -> api.stream("{\"prompt\": \"Hi\", \"max_tokens\": 900, \"stream\": true}"));
      var whole = threads.submit(() -> api.post("{\"prompt\": \"Hi\", \"max_tokens\": 900}"));
      Waiting.until(() -> api.engine.live.size() == 2);

      boolean complete = api.server.drain(Duration.ofMillis(200));

      assertThat(complete).isFalse();
      assertThat(stream.get().getLast().get("error").get("message").stringValue())
          .isEqualTo("the server is stopping");
      assertThat(whole.get().statusCode()).isEqualTo(503);
      Waiting.until(() -> api.engine.live.isEmpty());
    }
  }

  @Test
  void modelsAndVersionAreListed() throws Exception {
    try (var api = new ServerFixture()) {
      var models = ServerFixture.JSON.readTree(api.get("/v1/models").body());
      assertThat(models.get("object").stringValue()).isEqualTo("list");
      assertThat(models.get("data").get(0).toString())
          .isEqualTo(
              "{\"id\":\"test/model\",\"object\":\"model\",\"created\":1767225600,"
                  + "\"owned_by\":\"dejavu\",\"root\":\"test/model\",\"parent\":null,\"max_model_len\":1000}");
      assertThat(api.get("/v1/models/test/model").statusCode()).isEqualTo(200);
      assertThat(api.get("/v1/models/other").statusCode()).isEqualTo(404);
      assertThat(api.get("/version").body()).isEqualTo("{\"version\":\"1.2.3\"}");
    }
  }

  @Test
  void aServerWithoutItsModelSaysSo() throws Exception {
    try (var server =
            ApiServer.open(
                ApiConfig.DEFAULT.at("127.0.0.1", 0),
                "1.2.3",
                InstantSource.system(),
                new SplittableRandom(1),
                telemetry());
        var client = HttpClient.newHttpClient()) {
      for (String path : List.of("/health", "/v1/models")) {
        var request =
            HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + server.port() + path)).build();
        var response = client.send(request, HttpResponse.BodyHandlers.ofString());

        assertThat(response.statusCode()).isEqualTo(503);
        assertThat(response.headers().firstValue("Retry-After")).hasValue("1");
      }
    }
  }

  @Test
  void aTakenPortIsAnError() throws Exception {
    try (var api = new ServerFixture()) {
      var same = ApiConfig.DEFAULT.at("127.0.0.1", api.server.port());

      assertThatThrownBy(
              () ->
                  ApiServer.open(
                      same, "1.2.3", InstantSource.system(), new SplittableRandom(1), telemetry()))
          .isInstanceOf(BindException.class)
          .hasMessageContaining("cannot listen on 127.0.0.1:" + api.server.port());
    }
  }

  @Test
  void requestIdsComeBack() throws Exception {
    try (var api = new ServerFixture()) {
      HttpResponse<String> named =
          api.send(api.request("/version").header("X-Request-Id", "abc-1").build());
      HttpResponse<String> nameless = api.get("/version");

      assertThat(named.headers().firstValue("X-Request-Id")).hasValue("abc-1");
      assertThat(nameless.headers().firstValue("X-Request-Id").orElse("")).startsWith("req-");
    }
  }

  private static boolean answers(ServerFixture api, int status) {
    try {
      return api.post("{\"prompt\": \"Hi\"}").statusCode() == status;
    } catch (IOException | InterruptedException _) {
      return false;
    }
  }

  private static Socket post(ServerFixture api, String body) throws IOException {
    var socket = new Socket(InetAddress.getLoopbackAddress(), api.server.port());
    write(socket, body);
    return socket;
  }

  private static void write(Socket socket, String body) throws IOException {
    socket
        .getOutputStream()
        .write(
            "POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s"
                .formatted(body.length(), body)
                .getBytes(ISO_8859_1));
  }

  private static boolean closedByServer(Socket socket) {
    try {
      socket.getOutputStream().write('x');
      return false;
    } catch (IOException _) {
      return true;
    }
  }

  private static int count(CharSequence text, String part) {
    return text.toString().split(java.util.regex.Pattern.quote(part), -1).length - 1;
  }

  private static Telemetry telemetry() {
    return new Telemetry(TelemetryConfig.of("1.2.3"), InstantSource.system(), _ -> {});
  }
}
