package io.dejavu.workload;

import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/// A measurement as JSON with the keys of vLLM's benchmark (`--save-result --save-detailed`), so
/// that what reads its files reads ours. Latencies of requests are in seconds there (`ttfts`,
/// `itls`), summaries in milliseconds.
public final class JsonReport {
  private static final JsonMapper JSON =
      JsonMapper.builder()
          .enable(tools.jackson.databind.SerializationFeature.INDENT_OUTPUT)
          .build();

  /// vLLM's form of a date, in UTC.
  private static final DateTimeFormatter DATE =
      DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss", Locale.ROOT).withZone(ZoneOffset.UTC);

  private JsonReport() {}

  /// @param percentiles of each latency
  /// @param detailed with the times of every request
  public static ObjectNode of(Measurement measurement, List<Double> percentiles, boolean detailed) {
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    configuration(json, measurement);
    counts(json, measurement.figures(), measurement.objective());
    var figures = measurement.figures();
    latency(json, "ttft", figures.ttft(), percentiles);
    latency(json, "tpot", figures.tpot(), percentiles);
    latency(json, "itl", figures.itl(), percentiles);
    latency(json, "e2el", figures.e2el(), percentiles);
    latency(json, "normalized", figures.normalized(), percentiles);
    if (detailed) {
      requests(json, measurement.outcome().attempts());
    }
    return json;
  }

  public static String text(ObjectNode json) {
    return JSON.writeValueAsString(json) + "\n";
  }

  private static void configuration(ObjectNode json, Measurement measurement) {
    var target = measurement.target();
    var pace = measurement.pace();
    json.put("date", DATE.format(measurement.at()));
    json.put("backend", target.endpoint() == TargetConfig.Endpoint.CHAT ? "openai-chat" : "openai");
    json.put("endpoint_type", json.get("backend").stringValue());
    json.put("base_url", target.base().toString());
    json.put("endpoint", target.endpoint().path);
    json.put("model_id", target.model());
    json.put("tokenizer_id", target.model());
    json.put("workload", measurement.workload().name());
    json.put("num_prompts", measurement.workload().requests().size());
    if (pace.rate() == null) {
      json.put("request_rate", pace.traced() ? "trace" : "inf");
    } else {
      json.put("request_rate", pace.rate());
    }
    json.put("burstiness", pace.burstiness());
    json.put("max_concurrency", pace.concurrency());
    json.put("goodput_config", measurement.objective().toString());
    measurement.notes().forEach(json::put);
  }

  private static void counts(ObjectNode json, ServingFigures figures, Objective objective) {
    json.put("duration", figures.seconds());
    json.put("completed", figures.completed());
    json.put("failed", figures.failed());
    json.put("stopped", figures.stopped());
    ObjectNode kinds = json.putObject("failures");
    figures.failures().forEach(kinds::put);
    json.put("total_input_tokens", figures.inputTokens());
    json.put("total_output_tokens", figures.outputTokens());
    json.put("total_cached_tokens", figures.cachedTokens());
    json.put("request_throughput", figures.requestThroughput());
    if (objective.isEmpty()) {
      json.putNull("request_goodput");
    } else {
      json.put("request_goodput", figures.goodput());
      json.put("slo_attainment", figures.attainment());
    }
    json.put("output_throughput", figures.outputThroughput());
    json.put("total_token_throughput", figures.totalThroughput());
    json.put("max_output_tokens_per_s", figures.peakOutputRate());
    json.put("max_concurrent_requests", figures.peakConcurrency());
    json.put("client_cpu_us_per_token", figures.clientMicrosPerToken());
    json.put("worst_send_delay_ms", figures.worstLagMillis());
  }

  private static void latency(
      ObjectNode json, String name, Spread spread, List<Double> percentiles) {
    json.put("mean_%s_ms".formatted(name), spread.mean());
    json.put("median_%s_ms".formatted(name), spread.median());
    json.put("std_%s_ms".formatted(name), spread.deviation());
    json.put("min_%s_ms".formatted(name), spread.least());
    json.put("max_%s_ms".formatted(name), spread.most());
    for (double percent : percentiles) {
      json.put("p%s_%s_ms".formatted(percent(percent), name), spread.percentile(percent));
    }
  }

  /// As vLLM writes them: an answer that failed has length 0, and its error is a text.
  private static void requests(ObjectNode json, List<Attempt> attempts) {
    ArrayNode inputs = json.putArray("input_lens");
    ArrayNode outputs = json.putArray("output_lens");
    ArrayNode ttfts = json.putArray("ttfts");
    ArrayNode itls = json.putArray("itls");
    ArrayNode starts = json.putArray("start_times");
    ArrayNode e2els = json.putArray("e2els");
    ArrayNode errors = json.putArray("errors");
    for (var attempt : attempts) {
      boolean answered = attempt.completed();
      inputs.add(attempt.promptTokens());
      outputs.add(answered ? attempt.outputTokens() : 0);
      ttfts.add(answered ? attempt.ttftMillis() / 1e3 : 0);
      ArrayNode gaps = itls.addArray();
      Arrays.stream(attempt.itlMillis()).forEach(gap -> gaps.add(gap / 1e3));
      starts.add(attempt.startNanos() / 1e9);
      e2els.add(answered ? attempt.e2eMillis() / 1e3 : 0);
      errors.add(error(attempt.failure()));
    }
  }

  private static String error(@Nullable Failure failure) {
    return failure == null ? "" : failure.label() + ": " + failure.message();
  }

  /// Such as `99` and `99.9`.
  static String percent(double percent) {
    return percent == Math.rint(percent) ? Long.toString((long) percent) : Double.toString(percent);
  }
}
