package io.dejavu.observe;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import io.dejavu.engine.FinishReason;
import io.dejavu.engine.GenerationEvent;
import io.dejavu.engine.GenerationRequest;
import io.dejavu.tensor.Sampling;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// Traces as a collector gets them, over HTTP.
final class OtlpTracerTest {
  private static final Instant TIME = Instant.parse("2026-01-01T00:00:00Z");
  private static final String TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
  private static final String PARENT = "00f067aa0ba902b7";

  private final List<byte[]> bodies = new CopyOnWriteArrayList<>();
  private final List<String> headers = new CopyOnWriteArrayList<>();
  private final AtomicInteger busy = new AtomicInteger();
  private HttpServer collector;
  private Telemetry telemetry;

  @BeforeEach
  void open() throws IOException {
    collector = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    collector.createContext(
        "/v1/traces",
        exchange -> {
          byte[] body = exchange.getRequestBody().readAllBytes();
          boolean refuse = busy.getAndDecrement() > 0;
          if (!refuse) {
            headers.add(
                exchange.getRequestHeaders().getFirst("Content-Type")
                    + " "
                    + exchange.getRequestHeaders().getFirst("api-key"));
            bodies.add(body);
          }
          exchange.sendResponseHeaders(refuse ? 503 : 200, -1);
          exchange.close();
        });
    collector.start();
    var endpoint =
        URI.create("http://127.0.0.1:%d/v1/traces".formatted(collector.getAddress().getPort()));
    telemetry =
        new Telemetry(
            new TelemetryConfig("1.2.3", endpoint, Map.of("api-key", "k"), "shop"),
            InstantSource.fixed(TIME),
            _ -> {});
  }

  @AfterEach
  void close() {
    telemetry.close();
    collector.stop(0);
  }

  @Test
  void aTraceContinuesTheCallersAndSaysHowLongEachPhaseTook() {
    serve("00-%s-%s-01".formatted(TRACE, PARENT), false);
    telemetry.close();

    assertThat(headers).containsExactly("application/x-protobuf k");
    var sent = Protobuf.of(bodies.getFirst());
    assertThat(sent.texts())
        .contains(
            "service.name",
            "shop",
            "POST /v1/chat/completions",
            "queue",
            "prefill",
            "decode",
            "gen_ai.request.model",
            "some/model",
            "gen_ai.operation.name",
            "chat",
            "gen_ai.usage.input_tokens",
            "gen_ai.usage.output_tokens",
            "gen_ai.response.finish_reasons",
            "length",
            "gen_ai.latency.time_to_first_token",
            "http.response.status_code");
    assertThat(sent.spans())
        .hasSize(4)
        .allSatisfy(span -> assertThat(span.trace()).isEqualTo(TRACE));
    var server = span(sent, "POST /v1/chat/completions");
    assertThat(server.parent()).isEqualTo(PARENT);
    var queue = span(sent, "queue");
    var prefill = span(sent, "prefill");
    var decode = span(sent, "decode");
    assertThat(List.of(queue, prefill, decode))
        .allSatisfy(phase -> assertThat(phase.parent()).isEqualTo(server.id()));
    assertThat(server.begin()).isEqualTo(TIME.getEpochSecond() * 1_000_000_000);
    assertThat(queue.end() - queue.begin()).isEqualTo(1_000_000);
    assertThat(prefill.begin()).isEqualTo(queue.end());
    assertThat(prefill.end() - prefill.begin()).isEqualTo(2_000_000);
    assertThat(decode.end() - decode.begin()).isEqualTo(4_000_000);
  }

  @Test
  void callersWithoutATraceStartOne() {
    serve(null, false);
    telemetry.close();

    assertThat(span(Protobuf.of(bodies.getFirst()), "POST /v1/chat/completions").parent())
        .isEmpty();
  }

  @Test
  void whoeverOnlyLooksAtTheServerIsNotTraced() {
    serve(null, true);
    telemetry.close();

    assertThat(bodies).isEmpty();
  }

  @Test
  void aBusyCollectorGetsTheTraceLater() {
    busy.set(2);
    serve(null, false);
    telemetry.close();

    assertThat(bodies).hasSize(1);
  }

  private static Protobuf.Span span(Protobuf sent, String name) {
    return sent.spans().stream().filter(span -> span.name().equals(name)).findAny().orElseThrow();
  }

  private void serve(String traceparent, boolean background) {
    var engine =
        telemetry.watch(new QuietEngine(), new EngineFacts("some/model", 16, "bf16", true));
    var watch = telemetry.request("r", "POST", "/v1/chat/completions", traceparent, background);
    var request = GenerationRequest.of("a", new int[3], Sampling.GREEDY, 0, 2);
    watch.scope().run(() -> engine.submit(request, _ -> {}));
    long t = System.nanoTime();
    var says = telemetry.observer();
    says.queued(1, request, t);
    says.started(1, request, 0, t + 1_000_000);
    says.token(1, request, 1, t + 3_000_000);
    says.token(1, request, 2, t + 7_000_000);
    says.ended(
        1, request, new GenerationEvent.Finished(FinishReason.LENGTH, 3, 2, 0), t + 7_000_000);
    watch.end(200);
  }
}
