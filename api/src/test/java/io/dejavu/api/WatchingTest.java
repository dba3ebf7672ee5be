package io.dejavu.api;

import static org.assertj.core.api.Assertions.assertThat;

import io.dejavu.observe.RequestRecord;
import java.net.BindException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// What logs and metrics know of HTTP.
final class WatchingTest {
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
  void aRequestIsLoggedByItsRouteWithItsSequences() throws Exception {
    var request =
        api.request("/v1/completions")
            .header("X-Request-Id", "mine-1")
            .header("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
            .POST(
                HttpRequest.BodyPublishers.ofString(
                    "{\"prompt\": \"Hi\", \"max_tokens\": 5, \"n\": 2}"))
            .build();
    api.send(request);

    var logged = logged("mine-1");
    assertThat(logged.method()).isEqualTo("POST");
    assertThat(logged.route()).isEqualTo("/v1/completions");
    assertThat(logged.status()).isEqualTo(200);
    assertThat(logged.background()).isFalse();
    assertThat(logged.traceparent()).startsWith("00-4bf9");
    assertThat(logged.sequences()).hasSize(2);
    assertThat(logged.promptTokens()).isEqualTo(6);
    assertThat(logged.duration()).isPositive();
  }

  @Test
  void mistakesAreLoggedWithTheirStatusAndNothingOfWhatWasSent() throws Exception {
    api.send(
        api.request("/v1/completions")
            .header("X-Request-Id", "bad-1")
            .POST(HttpRequest.BodyPublishers.ofString("{\"prompt\": secret"))
            .build());

    assertThat(logged("bad-1").status()).isEqualTo(400);
    assertThat(logged("bad-1").problem()).isEqualTo("invalid_request_error");
    assertThat(logged("bad-1").toString()).doesNotContain("secret");
  }

  @Test
  void aPathThatIsNotOursMakesNoRouteOfItsOwn() throws Exception {
    api.send(api.request("/made/up/7").header("X-Request-Id", "other-1").GET().build());

    assertThat(logged("other-1").route()).isEqualTo("other");
    assertThat(logged("other-1").status()).isEqualTo(404);
    assertThat(logged("other-1").problem()).isEqualTo("unknown_url");
    assertThat(api.get("/metrics").body())
        .contains("dejavu_http_requests_total{method=\"GET\",route=\"other\",status=\"404\"} 1.0")
        .doesNotContain("made/up");
  }

  @Test
  void aStreamThatBreaksIsLoggedWithItsProblem() throws Exception {
    api.engine.pace(Duration.ofMillis(1));
    api.engine.fails("step 3 failed");
    api.send(
        api.request("/v1/completions")
            .header("X-Request-Id", "broken-1")
            .POST(
                HttpRequest.BodyPublishers.ofString(
                    "{\"prompt\": \"Hi\", \"max_tokens\": 8, \"stream\": true}"))
            .build());

    assertThat(logged("broken-1").status()).isEqualTo(200);
    assertThat(logged("broken-1").problem()).isEqualTo("step 3 failed");
    assertThat(logged("broken-1").answered()).isFalse();
  }

  @Test
  void aClientThatLeavesIsLoggedAs499() throws Exception {
    api.engine.pace(Duration.ofMillis(5));
    try (var client = HttpClient.newHttpClient()) {
      var request =
          api.request("/v1/completions")
              .header("X-Request-Id", "gone-1")
              .POST(
                  HttpRequest.BodyPublishers.ofString(
                      "{\"prompt\": \"Hi\", \"max_tokens\": 900, \"stream\": true}"))
              .build();
      var answer = client.send(request, HttpResponse.BodyHandlers.ofInputStream());
      answer.body().read();
      answer.body().close();
      client.shutdownNow();
    }

    assertThat(logged("gone-1").status()).isEqualTo(499);
    assertThat(logged("gone-1").problem()).isEqualTo("the client has left");
  }

  @Test
  void statsAreWhatThePageDrawsFrom() throws Exception {
    var stats = ServerFixture.JSON.readTree(api.get("/stats").body());

    assertThat(stats.get("model").stringValue()).isEqualTo("test/model");
    assertThat(stats.get("healthy").booleanValue()).isTrue();
    assertThat(stats.get("kv").get("blocks").intValue()).isEqualTo(100);
    assertThat(stats.get("sequences").get("running").intValue()).isZero();
    assertThat(stats.get("totals").get("generated_tokens").longValue()).isZero();
    var times = stats.get("time_to_first_token");
    assertThat(times.get("counts")).hasSize(times.get("bounds").size() + 1);
  }

  @Test
  void metricsAreInTheFormatThatIsAskedFor() throws Exception {
    var text = api.get("/metrics");
    var open =
        api.send(
            api.request("/metrics").header("Accept", "application/openmetrics-text").GET().build());

    assertThat(text.headers().firstValue("Content-Type").orElse("")).startsWith("text/plain");
    assertThat(text.body()).contains("vllm:num_requests_running{", "jvm_memory_used_bytes{");
    assertThat(open.headers().firstValue("Content-Type").orElse(""))
        .startsWith("application/openmetrics-text");
    assertThat(open.body()).endsWith("# EOF\n");
  }

  /// The answer may be there before the request has ended.
  private RequestRecord logged(String id) throws InterruptedException {
    long end = System.nanoTime() + Duration.ofSeconds(20).toNanos();
    while (System.nanoTime() < end) {
      for (var record : api.log) {
        if (record.id().equals(id)) {
          return record;
        }
      }
      Thread.sleep(5);
    }
    throw new AssertionError("%s is not in %s".formatted(id, api.log));
  }
}
