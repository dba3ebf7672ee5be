package io.dejavu.api;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.dejavu.observe.RequestRecord;
import java.io.IOException;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/// Keys, limits and web pages, through HTTP.
class AccessTest {
  private static final String SMALL = "{\"prompt\": \"Hi\", \"max_tokens\": 5}";
  private static final Access LOCKED =
      new Access(
          () -> ApiKeys.parse("alice:sk-a\nbob:sk-b", "test"), RateLimits.NONE, Set.of(), false);

  @Test
  void withoutItsKeyNothingIsComputed() throws Exception {
    try (var api = fixture(LOCKED)) {
      for (var request :
          List.of(
              api.completion(SMALL),
              api.request("/v1/models").build(),
              api.request("/v1/nothing").build(),
              api.request("/v1/models").header("Authorization", "Bearer sk-x").build(),
              api.request("/v1/models").header("Authorization", "Basic sk-a").build(),
              api.request("/v1/models").header("Authorization", "sk-a").build(),
              api.request("/v1/models").header("api-key", "sk-a,sk-b").build())) {
        var response = api.send(request);

        assertThat(response.statusCode()).as(request.toString()).isEqualTo(401);
        assertThat(response.headers().firstValue("WWW-Authenticate")).hasValue("Bearer");
        var error = ServerFixture.JSON.readTree(response.body()).get("error");
        assertThat(error.propertyNames())
            .containsExactlyInAnyOrder("message", "type", "param", "code");
        assertThat(error.get("code").stringValue()).isEqualTo("invalid_api_key");
        assertThat(error.get("type").stringValue()).isEqualTo("invalid_request_error");
        assertThat(response.body()).doesNotContain("sk-");
      }
      assertThat(api.engine.requests).isEmpty();
    }
  }

  @Test
  void aKeyOpensInBothHeaders() throws Exception {
    try (var api = fixture(LOCKED)) {
      for (var header :
          List.of(
              List.of("Authorization", "Bearer sk-a"),
              List.of("Authorization", "bearer  sk-b"),
              List.of("api-key", "sk-a"))) {
        var response =
            api.send(api.posted(SMALL).header(header.getFirst(), header.getLast()).build());

        assertThat(response.statusCode()).as(header.toString()).isEqualTo(200);
      }
    }
  }

  @Test
  void healthNeedsNoKey() throws Exception {
    try (var api = fixture(LOCKED)) {
      for (String path : List.of("/health", "/ping", "/version")) {
        assertThat(api.get(path).statusCode()).as(path).isEqualTo(200);
      }
    }
  }

  @Test
  void howBusyOthersAreIsToldToWhomHasAKey() throws Exception {
    var open = new Access(LOCKED.keys(), RateLimits.NONE, Set.of(), true);
    try (var locked = fixture(LOCKED);
        var api = fixture(open)) {
      for (String path : List.of("/metrics", "/stats")) {
        var known = locked.request(path).header("Authorization", "Bearer sk-a").build();
        assertThat(locked.get(path).statusCode()).as(path).isEqualTo(401);
        assertThat(locked.send(known).statusCode()).as(path).isEqualTo(200);
        assertThat(api.get(path).statusCode()).as("--open-metrics " + path).isEqualTo(200);
      }
    }
  }

  @Test
  void keysMayChangeWhileTheServerRuns() throws Exception {
    var keys = new AtomicReference<>(ApiKeys.of("old"));
    try (var api = fixture(new Access(keys::get, RateLimits.NONE, Set.of(), false))) {
      keys.set(ApiKeys.of("new"));

      var old = api.send(api.request("/v1/models").header("Authorization", "Bearer old").build());
      var now = api.send(api.request("/v1/models").header("Authorization", "Bearer new").build());

      assertThat(old.statusCode()).isEqualTo(401);
      assertThat(now.statusCode()).isEqualTo(200);
    }
  }

  @Test
  void eachKeyHasItsOwnLimitOfRequests() throws Exception {
    var access = new Access(LOCKED.keys(), new RateLimits(2, 0), Set.of(), false);
    try (var api = fixture(access)) {
      var first = ask(api, "sk-a", SMALL);
      var second = ask(api, "sk-a", "{\"prompt\": 7}"); // counts, too
      var third = ask(api, "sk-a", SMALL);
      var other = ask(api, "sk-b", SMALL);

      assertThat(first.statusCode()).isEqualTo(200);
      assertThat(value(first, "x-ratelimit-limit-requests")).isEqualTo("2");
      assertThat(value(first, "x-ratelimit-remaining-requests")).isEqualTo("1");
      assertThat(value(first, "x-ratelimit-reset-requests")).isEqualTo("30s");
      assertThat(second.statusCode()).isEqualTo(400);
      assertThat(value(second, "x-ratelimit-remaining-requests")).isEqualTo("0");
      assertThat(third.statusCode()).isEqualTo(429);
      assertThat(third.body()).contains("\"code\":\"rate_limit_exceeded\"");
      assertThat(Integer.parseInt(value(third, "Retry-After"))).isBetween(1, 30);
      assertThat(other.statusCode()).isEqualTo(200);
      assertThat(api.engine.requests).hasSize(2);
      Waiting.until(() -> api.log.size() == 4);
      assertThat(api.log)
          .filteredOn(request -> request.status() == 429)
          .allMatch(request -> request.tenant().equals("alice"))
          .extracting(RequestRecord::problem)
          .containsExactly("rate_limit_exceeded");
    }
  }

  @Test
  void eachKeyHasItsOwnLimitOfTokens() throws Exception {
    var access = new Access(LOCKED.keys(), new RateLimits(0, 20), Set.of(), false);
    try (var api = fixture(access)) {
      var first = ask(api, "sk-a", "{\"prompt\": \"Hi\", \"max_tokens\": 18}");
      var second = ask(api, "sk-a", SMALL);
      var other = ask(api, "sk-b", SMALL);
      var giant = ask(api, "sk-b", "{\"prompt\": \"" + "x".repeat(30) + "\"}");

      assertThat(first.statusCode()).isEqualTo(200);
      assertThat(value(first, "x-ratelimit-limit-tokens")).isEqualTo("20");
      assertThat(value(first, "x-ratelimit-remaining-tokens")).isEqualTo("17"); // <s>Hi
      assertThat(second.statusCode()).isEqualTo(429);
      assertThat(Integer.parseInt(value(second, "Retry-After"))).isBetween(1, 60);
      assertThat(other.statusCode()).isEqualTo(200);
      assertThat(giant.statusCode()).isEqualTo(429);
      assertThat(giant.headers().firstValue("Retry-After")).isEmpty();
      assertThat(giant.body()).contains("the prompt has 31");
      assertThat(api.engine.requests).hasSize(2);
    }
  }

  @Test
  void pagesOfOthersMayNotAsk() throws Exception {
    try (var api = fixture(Access.OPEN)) {
      var read = from(api, "https://evil.example", api.request("/v1/models"));
      var computed = from(api, "https://evil.example", api.posted(SMALL));
      var preflight = preflight(api, "https://evil.example");
      var own = from(api, "http://127.0.0.1:" + api.server.port(), api.posted(SMALL));

      assertThat(value(read, "Access-Control-Allow-Origin")).isEmpty();
      assertThat(computed.statusCode()).isEqualTo(403);
      assertThat(computed.body()).contains("origin_not_allowed");
      assertThat(preflight.statusCode()).isEqualTo(403);
      assertThat(value(preflight, "Access-Control-Allow-Origin")).isEmpty();
      assertThat(own.statusCode()).isEqualTo(200);
      assertThat(api.engine.requests).hasSize(1);
    }
  }

  @Test
  void pagesThatAreNamedMayAsk() throws Exception {
    var access = new Access(LOCKED.keys(), RateLimits.NONE, Set.of("https://chat.example"), false);
    try (var api = fixture(access)) {
      var preflight = preflight(api, "https://chat.example");
      var asked =
          from(
              api,
              "https://chat.example",
              api.posted(SMALL).header("Authorization", "Bearer sk-a"));
      var refused = from(api, "https://chat.example", api.posted(SMALL));
      var other = from(api, "https://chat.example.evil", api.posted(SMALL));

      assertThat(preflight.statusCode()).isEqualTo(204);
      assertThat(value(preflight, "Access-Control-Allow-Methods")).isEqualTo("GET, POST");
      assertThat(value(preflight, "Access-Control-Allow-Headers"))
          .isEqualTo("authorization, content-type");
      for (var response : List.of(preflight, asked, refused)) {
        assertThat(value(response, "Access-Control-Allow-Origin"))
            .isEqualTo("https://chat.example");
        assertThat(value(response, "Vary")).isEqualTo("Origin");
      }
      assertThat(asked.statusCode()).isEqualTo(200);
      assertThat(refused.statusCode()).isEqualTo(401);
      assertThat(other.statusCode()).isEqualTo(403);
    }
  }

  @Test
  void originsAreChecked() {
    for (String origin : List.of("chat.example", "https://a/b", "https://A.example", "")) {
      assertThatThrownBy(() -> new Access(LOCKED.keys(), RateLimits.NONE, Set.of(origin), false))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("is not an origin");
    }
  }

  private static ServerFixture fixture(Access access) throws IOException {
    return new ServerFixture(ApiConfig.DEFAULT.with(access), new ByteTokenizer());
  }

  private static HttpResponse<String> ask(ServerFixture api, String key, String body)
      throws IOException, InterruptedException {
    return api.send(api.posted(body).header("Authorization", "Bearer " + key).build());
  }

  private static HttpResponse<String> from(
      ServerFixture api, String origin, HttpRequest.Builder request)
      throws IOException, InterruptedException {
    return api.send(request.header("Origin", origin).build());
  }

  private static HttpResponse<String> preflight(ServerFixture api, String origin)
      throws IOException, InterruptedException {
    return from(
        api,
        origin,
        api.request("/v1/completions")
            .method("OPTIONS", HttpRequest.BodyPublishers.noBody())
            .header("Access-Control-Request-Method", "POST")
            .header("Access-Control-Request-Headers", "authorization, content-type"));
  }

  private static String value(HttpResponse<String> response, String header) {
    return response.headers().firstValue(header).orElse("");
  }
}
