package io.dejavu.workload;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.json.JsonMapper;

final class ReportTest {
  private static final List<Double> PERCENTILES = List.of(50.0, 99.0, 99.9);

  private static Measurement measurement() {
    var answered =
        new Attempt(
            0,
            PlannedRequest.of(10, 3),
            0,
            new long[] {5_000_000, 7_000_000, 12_000_000},
            13_000_000,
            10,
            3,
            0,
            null);
    var refused =
        new Attempt(
            1,
            PlannedRequest.of(10, 3),
            0,
            new long[0],
            1_000_000,
            10,
            0,
            0,
            new Failure(Failure.Kind.HTTP, 503, "</script><b>busy"));
    return Measurement.of(
        Instant.parse("2026-01-02T03:04:05.678Z"),
        TargetConfig.DEFAULT.withModel("tiny"),
        new Workload("fixed", 16, List.of(PlannedRequest.of(10, 3), PlannedRequest.of(10, 3))),
        Measurement.Pace.closed(2),
        Objective.parse(List.of("ttft:6")),
        new LoadRun.Outcome(List.of(answered, refused), 500_000_000, 30_000, 0, false),
        Map.of("seed", "1"));
  }

  @Test
  void jsonHasTheKeysOfVllmsBenchmark() {
    var json = JsonReport.of(measurement(), PERCENTILES, true);

    assertThat(json.propertyNames())
        .contains(
            "date",
            "backend",
            "endpoint_type",
            "model_id",
            "tokenizer_id",
            "num_prompts",
            "request_rate",
            "burstiness",
            "max_concurrency",
            "duration",
            "completed",
            "failed",
            "total_input_tokens",
            "total_output_tokens",
            "request_throughput",
            "request_goodput",
            "output_throughput",
            "total_token_throughput",
            "max_output_tokens_per_s",
            "max_concurrent_requests",
            "input_lens",
            "output_lens",
            "ttfts",
            "itls",
            "errors")
        .contains("mean_ttft_ms", "median_tpot_ms", "std_itl_ms", "p99_e2el_ms", "p99.9_ttft_ms");
    assertThat(json.get("date").stringValue()).isEqualTo("20260102-030405");
    assertThat(json.get("request_rate").stringValue()).isEqualTo("inf");
    assertThat(json.get("request_goodput").doubleValue()).isEqualTo(2);
    assertThat(json.get("output_throughput").doubleValue()).isEqualTo(6);
    assertThat(json.get("mean_ttft_ms").doubleValue()).isEqualTo(5);
    assertThat(json.get("itls").get(0).get(1).doubleValue()).isEqualTo(0.005);
    assertThat(json.get("errors").get(1).stringValue()).startsWith("http 503: ");
    assertThat(json.get("failures").get("http 503").intValue()).isEqualTo(1);
    assertThat(JsonReport.of(measurement(), PERCENTILES, false).has("ttfts")).isFalse();
    assertThat(new JsonMapper().readTree(JsonReport.text(json))).hasToString(json.toString());
  }

  @Test
  void textIsWhatScriptsForVllmRead() {
    assertThat(TextReport.of(measurement(), PERCENTILES).lines())
        .contains(
            "============ Serving Benchmark Result ============",
            "Successful requests:                     1",
            "Failed requests:                         1",
            "  http 503:                              1",
            "Benchmark duration (s):                  0.50",
            "Output token throughput (tok/s):         6.00",
            "Request goodput (req/s):                 2.00",
            "SLO attainment (%):                      50.00",
            "---------------Time to First Token----------------",
            "-----Time per Output Token (excl. 1st token)------",
            "Mean TPOT (ms):                          3.50",
            "P99.9 ITL (ms):                          5.00",
            "==================================================");
    assertThat(TextReport.summary(List.of(measurement(), measurement()))).contains("2 runs");
  }

  @Test
  void thePageNeedsNothingElse() {
    String page = HtmlReport.of(measurement(), PERCENTILES);

    assertThat(page).contains("Chart.js v4").contains("\"first token, P99\"").contains("\"tiny");
    assertThat(page).doesNotContain("{{").doesNotContain("src=").doesNotContain("http-equiv");
    assertThat(page).as("a server's words end no script").doesNotContain("</script><b>");
  }
}
