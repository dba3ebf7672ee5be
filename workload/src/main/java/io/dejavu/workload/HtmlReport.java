package io.dejavu.workload;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.function.ToDoubleFunction;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/// A measurement as one HTML file that needs nothing else: charts, tables, and what was measured.
/// Its look and its drawing are in `report.html`; here are the numbers.
public final class HtmlReport {
  private static final String CHART_JS =
      "META-INF/resources/webjars/chart.js/4.4.9/dist/chart.umd.js";

  private static final int POINTS = 400;
  private static final int MOST_STEPS = 120;
  private static final int LEAST_STEPS = 20;
  private static final long STEP_NANOS = 100_000_000; // shorter ones show steps of the engine only
  private static final JsonMapper JSON = new JsonMapper();

  private final ObjectNode data = JsonNodeFactory.instance.objectNode();
  private final Measurement measurement;

  private HtmlReport(Measurement measurement) {
    this.measurement = measurement;
  }

  /// @param percentiles of the table of latencies
  public static String of(Measurement measurement, List<Double> percentiles) {
    var report = new HtmlReport(measurement);
    report.head();
    report.tiles();
    report.timeline();
    report.distributions();
    report.requests();
    report.latencies(percentiles);
    report.facts();
    // "</" would end the script, in whatever string of a server's it stands.
    String json = JSON.writeValueAsString(report.data).replace("</", "<\\/");
    return resource("report.html")
        .replace("{{title}}", "DéjàVu bench serve")
        .replace("{{data}}", json)
        .replace("{{chart.js}}", resource(CHART_JS));
  }

  private void head() {
    var target = measurement.target();
    data.put("title", target.model() + " · " + pace());
    data.put(
        "subtitle",
        "%s%s · %s · %s"
            .formatted(
                target.base(),
                target.endpoint().path,
                measurement.workload().name(),
                measurement.at().toString().replaceAll("\\.\\d+Z", "Z")));
  }

  private String pace() {
    var pace = measurement.pace();
    if (pace.isClosed()) {
      return pace.concurrency() + " requests at a time";
    }
    return pace.rate() == null ? "trace" : "%s requests/s".formatted(number(pace.rate()));
  }

  private void tiles() {
    var figures = measurement.figures();
    ArrayNode tiles = data.putArray("tiles");
    tile(tiles, "output", figures.outputThroughput(), "tok/s", false);
    if (measurement.objective().isEmpty()) {
      tile(tiles, "requests", figures.requestThroughput(), "/s", false);
    } else {
      tile(tiles, "goodput", figures.goodput(), "req/s", false);
      tile(tiles, "within all limits", 100 * figures.attainment(), "%", figures.attainment() < 0.9);
    }
    tile(tiles, "first token, median", figures.ttft().median(), "ms", false);
    tile(tiles, "first token, P99", figures.ttft().percentile(99), "ms", false);
    tile(tiles, "between tokens, median", figures.itl().median(), "ms", false);
    tile(tiles, "between tokens, P99", figures.itl().percentile(99), "ms", false);
    if (measurement.objective().isEmpty()) {
      tile(tiles, "whole answer, median", figures.e2el().median(), "ms", false);
    }
    int failed = figures.failed();
    tile(
        tiles,
        failed == 0 ? "answered, none failed" : failed + " failed",
        figures.completed(),
        "of " + (figures.completed() + failed),
        failed > 0);
  }

  private static void tile(ArrayNode tiles, String name, double value, String unit, boolean bad) {
    tiles
        .addObject()
        .put("name", name)
        .put("value", number(value))
        .put("unit", unit)
        .put("bad", bad);
  }

  private void timeline() {
    var outcome = measurement.outcome();
    int steps = Math.clamp(outcome.durationNanos() / STEP_NANOS, LEAST_STEPS, MOST_STEPS);
    var line = Timeline.of(outcome.attempts(), outcome.durationNanos(), steps);
    ObjectNode timeline = data.putObject("timeline");
    timeline.put("end", rounded(outcome.durationNanos() / 1e9));
    ArrayNode tokens = timeline.putArray("tokens");
    ArrayNode running = timeline.putArray("running");
    for (int i = 0; i < steps; i++) {
      point(tokens, (i + 0.5) * line.stepSeconds(), line.chunksPerSecond()[i]);
      point(running, i * line.stepSeconds(), line.running()[i]);
    }
  }

  private void distributions() {
    var figures = measurement.figures();
    distribution("ttft", figures.ttft());
    distribution("itl", figures.itl());
    ObjectNode limits = data.putObject("limits");
    for (var limit : measurement.objective().limits()) {
      limits.put(limit.measure().name().toLowerCase(Locale.ROOT), limit.millis());
    }
  }

  /// Percentiles, closer together towards the end, where it matters.
  private void distribution(String name, Spread spread) {
    ArrayNode points = data.putArray(name);
    for (int i = 0; i <= POINTS && spread.count() > 0; i++) {
      double along = (double) i / POINTS;
      double percent = 100 * (1 - (1 - along) * (1 - along));
      point(points, Math.max(1e-3, spread.percentile(percent)), percent);
    }
  }

  private void requests() {
    ObjectNode requests = data.putObject("requests");
    scatter(requests.putArray("first"), Attempt::ttftMillis);
    scatter(requests.putArray("whole"), Attempt::e2eMillis);
  }

  private void scatter(ArrayNode points, ToDoubleFunction<Attempt> of) {
    var answered = measurement.outcome().attempts().stream().filter(Attempt::completed).toList();
    int step = Math.max(1, answered.size() / 4000);
    for (int i = 0; i < answered.size(); i += step) {
      point(points, answered.get(i).startNanos() / 1e9, of.applyAsDouble(answered.get(i)));
    }
  }

  private void latencies(List<Double> percentiles) {
    ArrayNode table = data.putArray("latencies");
    ArrayNode head = table.addArray().add("");
    for (String name : List.of("mean", "std", "min")) {
      head.add(name);
    }
    percentiles.forEach(percent -> head.add("P" + JsonReport.percent(percent)));
    head.add("max");
    var figures = measurement.figures();
    latency(table, "time to first token", figures.ttft(), percentiles);
    latency(table, "time per output token", figures.tpot(), percentiles);
    latency(table, "inter-token latency", figures.itl(), percentiles);
    latency(table, "end to end", figures.e2el(), percentiles);
    latency(table, "end to end per token", figures.normalized(), percentiles);
  }

  private static void latency(
      ArrayNode table, String name, Spread spread, List<Double> percentiles) {
    ArrayNode row = table.addArray().add(name);
    row.add(number(spread.mean())).add(number(spread.deviation())).add(number(spread.least()));
    percentiles.forEach(percent -> row.add(number(spread.percentile(percent))));
    row.add(number(spread.most()));
  }

  private void facts() {
    var figures = measurement.figures();
    var workload = measurement.workload();
    var facts = new ArrayList<List<String>>();
    facts.add(List.of("model", measurement.target().model()));
    facts.add(List.of("workload", workload.name()));
    facts.add(
        List.of(
            "requests",
            "%d, %d tokens in and %d out on average"
                .formatted(
                    workload.requests().size(),
                    Math.round((double) workload.promptTokens() / workload.requests().size()),
                    Math.round((double) workload.outputTokens() / workload.requests().size()))));
    facts.add(List.of("pace", pace() + burstiness()));
    facts.add(
        List.of(
            "limits",
            measurement.objective().isEmpty() ? "none" : measurement.objective().toString()));
    facts.add(List.of("duration", number(figures.seconds()) + " s"));
    facts.add(
        List.of(
            "tokens",
            "%,d in (%,d of them cached), %,d out"
                .formatted(figures.inputTokens(), figures.cachedTokens(), figures.outputTokens())));
    figures.failures().forEach((kind, count) -> facts.add(List.of("failed: " + kind, "" + count)));
    measurement.outcome().attempts().stream()
        .map(Attempt::failure)
        .filter(failure -> failure != null && failure.kind() != Failure.Kind.STOPPED)
        .findFirst()
        .ifPresent(
            failure ->
                facts.add(List.of("first failure", failure.label() + ": " + failure.message())));
    if (measurement.outcome().stopped()) {
      facts.add(List.of("stopped early", figures.stopped() + " requests were cut off"));
    }
    facts.add(
        List.of(
            "client", number(figures.clientMicrosPerToken()) + " µs of processor time per token"));
    if (!measurement.pace().isClosed()) {
      facts.add(List.of("worst delay of sending", number(figures.worstLagMillis()) + " ms"));
    }
    measurement.notes().forEach((name, value) -> facts.add(List.of(name, value)));
    ArrayNode rows = data.putArray("facts");
    facts.forEach(fact -> rows.addArray().add(fact.getFirst()).add(fact.getLast()));
  }

  private String burstiness() {
    var pace = measurement.pace();
    return pace.rate() == null ? "" : ", burstiness " + number(pace.burstiness());
  }

  private static void point(ArrayNode points, double x, double y) {
    points.addObject().put("x", rounded(x)).put("y", rounded(y));
  }

  private static double rounded(double value) {
    return Math.round(value * 1e4) / 1e4;
  }

  /// With about three digits.
  private static String number(double value) {
    double size = Math.abs(value);
    boolean whole = size >= 100 || value == Math.rint(value);
    return String.format(Locale.ROOT, whole ? "%,.0f" : size >= 10 ? "%.1f" : "%.2f", value);
  }

  private static String resource(String name) {
    var loader = Objects.requireNonNull(HtmlReport.class.getClassLoader());
    boolean ours = name.endsWith(".html");
    // A class finds what is in its own module only, and its loader what is in no module's package.
    try (var in =
        ours ? HtmlReport.class.getResourceAsStream(name) : loader.getResourceAsStream(name)) {
      if (in == null) {
        throw new IllegalStateException(name + " is not on the module path");
      }
      return new String(in.readAllBytes(), UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
