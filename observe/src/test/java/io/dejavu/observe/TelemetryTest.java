package io.dejavu.observe;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.dejavu.engine.Engine;
import io.dejavu.engine.FinishReason;
import io.dejavu.engine.GenerationEvent;
import io.dejavu.engine.GenerationRequest;
import io.dejavu.tensor.Sampling;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

final class TelemetryTest {
  private static final long MS = 1_000_000;

  private final List<RequestRecord> log = new ArrayList<>();
  private final Telemetry telemetry =
      new Telemetry(
          TelemetryConfig.of("1.2.3"),
          InstantSource.fixed(Instant.parse("2026-01-01T00:00:00Z")),
          log::add);
  private final QuietEngine quiet = new QuietEngine();
  private final Engine engine = telemetry.watch(quiet, new EngineFacts("m", 16, "bf16", true));

  @Test
  void aRequestIsCountedAndTimedFromItsArrivalToItsLastToken() {
    var watch = telemetry.request("r1", "POST", "/v1/completions", null, false);
    var request = request("a", 10);
    long t = submit(watch, request);
    var engineSays = telemetry.observer();
    engineSays.queued(1, request, t);
    engineSays.started(1, request, 4, t + 20 * MS);
    engineSays.token(1, request, 1, t + 50 * MS);
    engineSays.token(1, request, 2, t + 58 * MS);
    engineSays.token(1, request, 3, t + 66 * MS);
    engineSays.ended(1, request, finished(FinishReason.STOP, 3), t + 66 * MS);
    watch.end(200);

    var lines = scrape();
    var vllm = "{engine=\"0\",model_name=\"m\"}";
    assertThat(lines)
        .contains(
            "vllm:prompt_tokens_total" + vllm + " 5.0",
            "vllm:prompt_tokens_cached_total" + vllm + " 4.0",
            "vllm:generation_tokens_total" + vllm + " 3.0",
            "vllm:request_success_total{engine=\"0\",finished_reason=\"stop\",model_name=\"m\"} 1.0",
            "vllm:request_success_total{engine=\"0\",finished_reason=\"abort\",model_name=\"m\"} 0.0",
            "vllm:time_to_first_token_seconds_count" + vllm + " 1",
            "vllm:inter_token_latency_seconds_bucket{engine=\"0\",model_name=\"m\",le=\"0.01\"} 2",
            "vllm:request_queue_time_seconds_sum" + vllm + " 0.02",
            "vllm:request_prefill_time_seconds_sum" + vllm + " 0.03",
            "vllm:request_decode_time_seconds_sum" + vllm + " 0.016",
            "vllm:request_time_per_output_token_seconds_sum" + vllm + " 0.008",
            "vllm:request_generation_tokens_bucket{engine=\"0\",model_name=\"m\",le=\"2.0\"} 0",
            "vllm:request_generation_tokens_bucket{engine=\"0\",model_name=\"m\",le=\"5.0\"} 1",
            "dejavu_inter_token_seconds_bucket{model=\"m\",le=\"0.007\"} 0",
            "dejavu_inter_token_seconds_bucket{model=\"m\",le=\"0.01\"} 2",
            "dejavu_http_requests_total{method=\"POST\",route=\"/v1/completions\",status=\"200\"} 1.0",
            "dejavu_http_requests_active 0.0");
    var logged = log.getFirst();
    assertThat(logged.promptTokens()).isEqualTo(5);
    assertThat(logged.cachedTokens()).isEqualTo(4);
    assertThat(logged.generatedTokens()).isEqualTo(3);
    assertThat(logged.queueTime()).contains(Duration.ofMillis(20));
    assertThat(logged.timeToFirstToken().orElseThrow())
        .isGreaterThanOrEqualTo(Duration.ofMillis(50));
    assertThat(logged.finishReasons()).containsExactly("stop");
  }

  @Test
  void theEngineIsShownAsItIsNow() {
    assertThat(scrape())
        .contains(
            "vllm:num_requests_running{engine=\"0\",model_name=\"m\"} 3.0",
            "vllm:num_requests_waiting{engine=\"0\",model_name=\"m\"} 2.0",
            "vllm:kv_cache_usage_perc{engine=\"0\",model_name=\"m\"} 0.4",
            "vllm:prefix_cache_hits_total{engine=\"0\",model_name=\"m\"} 20.0",
            "vllm:cache_config_info{block_size=\"16\",cache_dtype=\"bf16\","
                + "enable_prefix_caching=\"True\",engine=\"0\",num_gpu_blocks=\"100\"} 1",
            "dejavu_kv_blocks_leaked{model=\"m\"} 0.0",
            "dejavu_preemptions_total{kind=\"swap\",model=\"m\"} 4.0",
            "dejavu_build_info{version=\"1.2.3\"} 1");
  }

  @Test
  void aStopStringIsAStopAndAClientThatLeavesAnAbort() {
    for (int status : new int[] {200, 499}) {
      var watch = telemetry.request("r", "POST", "/v1/completions", null, false);
      var request = request("s" + status, 10);
      long t = submit(watch, request);
      telemetry.observer().queued(status, request, t);
      telemetry.observer().started(status, request, 0, t);
      telemetry.observer().token(status, request, 1, t);
      watch.end(status); // the engine has not yet heard that it is to cancel
      telemetry.observer().ended(status, request, finished(FinishReason.CANCELLED, 1), t);
    }

    assertThat(log)
        .map(RequestRecord::finishReasons)
        .containsExactly(List.of("stop"), List.of("abort"));
    assertThat(scrape())
        .contains(
            "vllm:request_success_total{engine=\"0\",finished_reason=\"stop\",model_name=\"m\"} 1.0",
            "vllm:request_success_total{engine=\"0\",finished_reason=\"abort\",model_name=\"m\"} 1.0");
  }

  @Test
  void aStreamThatBreaksIsNoSuccessThoughItsStatusIsGood() {
    var watch = telemetry.request("r", "POST", "/v1/completions", null, false);
    var request = request("a", 10);
    submit(watch, request);
    watch.failed("not complete after 1 s");
    watch.failed("something later");
    watch.end(200);

    assertThat(log.getFirst().answered()).isFalse();
    assertThat(log.getFirst().problem()).isEqualTo("not complete after 1 s");
    assertThat(log.getFirst().finishReasons()).containsExactly("abort");
  }

  @Test
  void whatTheEngineRefusesOrMakesForItselfIsNoSequenceOfARequest() {
    quiet.full = true;
    var watch = telemetry.request("r", "POST", "/v1/completions", null, false);
    var refused = request("a", 10);
    submit(watch, refused);
    watch.end(429);
    var warmUp = request("warm-up", 10);
    telemetry.observer().queued(1, warmUp, 0);
    telemetry.observer().started(1, warmUp, 0, 1);
    telemetry.observer().token(1, warmUp, 1, 2);
    telemetry.observer().ended(1, warmUp, finished(FinishReason.LENGTH, 1), 3);

    assertThat(log.getFirst().sequences()).isEmpty();
    assertThat(scrape())
        .contains(
            "vllm:generation_tokens_total{engine=\"0\",model_name=\"m\"} 0.0",
            "vllm:time_to_first_token_seconds_count{engine=\"0\",model_name=\"m\"} 0",
            "dejavu_http_requests_total{method=\"POST\",route=\"/v1/completions\",status=\"429\"} 1.0");
  }

  @Test
  void openMetricsIsWrittenToThoseWhoAskForIt() {
    var scrape = telemetry.scrape("application/openmetrics-text; version=1.0.0,text/plain;q=0.5");

    assertThat(scrape.contentType()).startsWith("application/openmetrics-text");
    assertThat(new String(scrape.body(), UTF_8)).endsWith("# EOF\n");
    assertThat(telemetry.scrape("text/plain").contentType()).startsWith("text/plain");
    assertThat(telemetry.scrape("nonsense").contentType()).startsWith("text/plain");
  }

  @Test
  void everyBucketThatVllmHasCanBeRead() {
    // Throws where a bound was not counted apart.
    assertThat(scrape()).anyMatch(line -> line.contains("le=\"7680.0\""));
    assertThat(Bounds.oneTwoFive(1000)).containsExactly(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000);
  }

  private List<String> scrape() {
    return new String(telemetry.scrape(null).body(), UTF_8).lines().toList();
  }

  private long submit(RequestWatch watch, GenerationRequest request) {
    watch.scope().run(() -> engine.submit(request, _ -> {}));
    return System.nanoTime();
  }

  private static GenerationRequest request(String id, int maxTokens) {
    return GenerationRequest.of(id, new int[] {1, 2, 3, 4, 5}, Sampling.GREEDY, 0, maxTokens);
  }

  private static GenerationEvent finished(FinishReason reason, int generated) {
    return new GenerationEvent.Finished(reason, 5, generated, 4);
  }
}
