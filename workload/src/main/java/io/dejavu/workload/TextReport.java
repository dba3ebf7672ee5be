package io.dejavu.workload;

import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;

/// A measurement for a terminal, in the form of vLLM's benchmark, which people and their scripts
/// know.
public final class TextReport {
  private static final int WIDTH = 50;

  private final StringBuilder text = new StringBuilder();

  private TextReport() {}

  /// @param percentiles to print of each latency
  public static String of(Measurement measurement, List<Double> percentiles) {
    var report = new TextReport();
    report.counts(measurement);
    report.rates(measurement);
    report.latencies(measurement.figures(), percentiles);
    report.instrument(measurement);
    return report.text.append("=".repeat(WIDTH)).append('\n').toString();
  }

  /// How much several runs differ: least, median and most of the main measures.
  public static String summary(List<Measurement> runs) {
    var text =
        new StringBuilder(
            "%d runs%19s %12s %12s%n".formatted(runs.size(), "least", "median", "most"));
    spread(text, runs, "output tok/s", ServingFigures::outputThroughput);
    spread(text, runs, "median TTFT ms", f -> f.ttft().median());
    spread(text, runs, "P99 TTFT ms", f -> f.ttft().percentile(99));
    spread(text, runs, "median ITL ms", f -> f.itl().median());
    spread(text, runs, "P99 ITL ms", f -> f.itl().percentile(99));
    return text.toString();
  }

  private static void spread(
      StringBuilder text,
      List<Measurement> runs,
      String name,
      ToDoubleFunction<ServingFigures> measure) {
    var spread = Spread.of(runs.stream().map(Measurement::figures).mapToDouble(measure).toArray());
    text.append(
        String.format(
            Locale.ROOT,
            "%-15s %9.2f %12.2f %12.2f%n",
            name,
            spread.least(),
            spread.median(),
            spread.most()));
  }

  private void counts(Measurement measurement) {
    var figures = measurement.figures();
    rule(" Serving Benchmark Result ", '=');
    if (measurement.outcome().stopped()) {
      line("Stopped early; cut off requests:", figures.stopped());
    }
    line("Successful requests:", figures.completed());
    line("Failed requests:", figures.failed());
    figures.failures().forEach((kind, count) -> line("  " + kind + ":", count));
    var pace = measurement.pace();
    if (pace.concurrency() != null) {
      line("Maximum request concurrency:", pace.concurrency());
    }
    if (pace.rate() != null) {
      line("Request rate configured (RPS):", pace.rate());
    }
    line("Benchmark duration (s):", figures.seconds());
    line("Total input tokens:", figures.inputTokens());
    line("Total generated tokens:", figures.outputTokens());
    if (figures.cachedTokens() > 0) {
      line("Cached input tokens:", figures.cachedTokens());
    }
  }

  private void rates(Measurement measurement) {
    var figures = measurement.figures();
    line("Request throughput (req/s):", figures.requestThroughput());
    if (!measurement.objective().isEmpty()) {
      line("Request goodput (req/s):", figures.goodput());
      line("SLO attainment (%):", 100 * figures.attainment());
    }
    line("Output token throughput (tok/s):", figures.outputThroughput());
    line("Peak output token throughput (tok/s):", figures.peakOutputRate());
    line("Peak concurrent requests:", figures.peakConcurrency());
    line("Total token throughput (tok/s):", figures.totalThroughput());
  }

  private void latencies(ServingFigures figures, List<Double> percentiles) {
    latency("Time to First Token", "TTFT", figures.ttft(), percentiles);
    latency("Time per Output Token (excl. 1st token)", "TPOT", figures.tpot(), percentiles);
    latency("Inter-token Latency", "ITL", figures.itl(), percentiles);
    latency("End-to-end Latency", "E2EL", figures.e2el(), percentiles);
    latency("Normalised Latency (E2E per token)", "NORM", figures.normalized(), percentiles);
  }

  private void latency(String title, String name, Spread spread, List<Double> percentiles) {
    rule(title, '-');
    line("Mean %s (ms):".formatted(name), spread.mean());
    line("Median %s (ms):".formatted(name), spread.median());
    line("Std %s (ms):".formatted(name), spread.deviation());
    line("Min %s (ms):".formatted(name), spread.least());
    line("Max %s (ms):".formatted(name), spread.most());
    for (double percent : percentiles) {
      if (percent != 50) { // said already
        line(
            "P%s %s (ms):".formatted(JsonReport.percent(percent), name),
            spread.percentile(percent));
      }
    }
  }

  private void instrument(Measurement measurement) {
    rule("Client", '-');
    line("CPU per token (us):", measurement.figures().clientMicrosPerToken());
    if (!measurement.pace().isClosed()) {
      line("Worst delay of sending (ms):", measurement.figures().worstLagMillis());
    }
  }

  private void rule(String title, char sign) {
    int before = (WIDTH - title.length()) / 2;
    int after = WIDTH - title.length() - before;
    String signs = String.valueOf(sign);
    text.append(signs.repeat(before)).append(title).append(signs.repeat(after)).append('\n');
  }

  private void line(String name, Number value) {
    String number =
        value instanceof Double real ? String.format(Locale.ROOT, "%.2f", real) : value.toString();
    text.append("%-40s %-9s".formatted(name, number).stripTrailing()).append('\n');
  }
}
