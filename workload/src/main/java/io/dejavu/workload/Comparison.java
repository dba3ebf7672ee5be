package io.dejavu.workload;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;
import org.apache.commons.statistics.distribution.TDistribution;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/// Two servers, or one with two configurations, measured in turn. What is compared are the ratios
/// of each round, whose two runs lie next to each other: a machine that becomes slower from one
/// minute to the next does not count for one of them.
///
/// @param first name of the one above the line of each ratio
/// @param second name of the one below
/// @param rounds both measurements of each round
public record Comparison(String first, String second, List<Round> rounds) {
  /// From so many rounds on there is a confidence interval.
  static final int ENOUGH_FOR_INTERVAL = 5;

  private static final double CONFIDENCE = 0.95;

  /// One run of each.
  public record Round(ServingFigures first, ServingFigures second) {}

  /// What is compared.
  public enum Measure {
    OUTPUT("output_throughput", "output tok/s", true, ServingFigures::outputThroughput),
    TOTAL("total_token_throughput", "total tok/s", true, ServingFigures::totalThroughput),
    REQUESTS("request_throughput", "requests/s", true, ServingFigures::requestThroughput),
    GOODPUT("request_goodput", "good requests/s", true, ServingFigures::goodput),
    MEDIAN_TTFT("median_ttft_ms", "median TTFT ms", false, f -> f.ttft().median()),
    P99_TTFT("p99_ttft_ms", "P99 TTFT ms", false, f -> f.ttft().percentile(99)),
    MEDIAN_TPOT("median_tpot_ms", "median TPOT ms", false, f -> f.tpot().median()),
    P99_TPOT("p99_tpot_ms", "P99 TPOT ms", false, f -> f.tpot().percentile(99)),
    MEDIAN_ITL("median_itl_ms", "median ITL ms", false, f -> f.itl().median()),
    P99_ITL("p99_itl_ms", "P99 ITL ms", false, f -> f.itl().percentile(99)),
    MEDIAN_E2EL("median_e2el_ms", "median E2EL ms", false, f -> f.e2el().median()),
    P99_E2EL("p99_e2el_ms", "P99 E2EL ms", false, f -> f.e2el().percentile(99));

    /// As in JSON.
    public final String key;

    private final String label;
    private final boolean higherIsBetter;
    private final ToDoubleFunction<ServingFigures> of;

    Measure(String key, String label, boolean higherIsBetter, ToDoubleFunction<ServingFigures> of) {
      this.key = key;
      this.label = label;
      this.higherIsBetter = higherIsBetter;
      this.of = of;
    }
  }

  /// One measure over all rounds.
  ///
  /// @param first median of the first's values
  /// @param second median of the second's
  /// @param ratios first over second, round by round
  /// @param interval of the mean ratio with 95 % confidence, if there are enough rounds
  public record Ratio(
      Measure measure, double first, double second, Spread ratios, @Nullable Interval interval) {}

  /// Bounds of a mean.
  public record Interval(double low, double high) {}

  public Comparison {
    rounds = List.copyOf(rounds);
  }

  /// Of every measure that has values in all rounds.
  public List<Ratio> ratios() {
    var ratios = new ArrayList<Ratio>();
    for (var measure : Measure.values()) {
      double[] above =
          rounds.stream().mapToDouble(r -> measure.of.applyAsDouble(r.first)).toArray();
      double[] below =
          rounds.stream().mapToDouble(r -> measure.of.applyAsDouble(r.second)).toArray();
      boolean complete =
          above.length > 0
              && (measure != Measure.GOODPUT || hasObjective())
              && IntStream.range(0, above.length).allMatch(i -> above[i] > 0 && below[i] > 0);
      if (complete) {
        double[] quotients =
            IntStream.range(0, above.length).mapToDouble(i -> above[i] / below[i]).toArray();
        ratios.add(
            new Ratio(
                measure,
                Spread.of(above).median(),
                Spread.of(below).median(),
                Spread.of(quotients),
                interval(quotients)));
      }
    }
    return ratios;
  }

  /// Without limits all answers are good.
  private boolean hasObjective() {
    return rounds.stream()
        .anyMatch(
            r -> r.first.good() < r.first.completed() || r.second.good() < r.second.completed());
  }

  /// Of the geometric mean, by Student's t on the logarithms: a ratio and its inverse are then
  /// treated alike.
  static @Nullable Interval interval(double[] ratios) {
    int n = ratios.length;
    if (n < ENOUGH_FOR_INTERVAL) {
      return null;
    }
    var logs = Spread.of(Arrays.stream(ratios).map(Math::log).toArray());
    double sampleDeviation = logs.deviation() * Math.sqrt(n / (n - 1.0));
    double t = TDistribution.of(n - 1).inverseCumulativeProbability((1 + CONFIDENCE) / 2);
    double reach = t * sampleDeviation / Math.sqrt(n);
    return new Interval(Math.exp(logs.mean() - reach), Math.exp(logs.mean() + reach));
  }

  /// A table for people.
  public String text() {
    var text = new StringBuilder();
    text.append(
        "%s : %s over %d rounds; above 1 the first has more%n"
            .formatted(first, second, rounds.size()));
    text.append(
        row("", shortened(first), shortened(second), "ratio", "least", "most", "95 % interval"));
    for (var ratio : ratios()) {
      var interval = ratio.interval;
      text.append(
          row(
              ratio.measure.label + (ratio.measure.higherIsBetter ? "  ↑" : "  ↓"),
              number(ratio.first),
              number(ratio.second),
              three(ratio.ratios.median()),
              three(ratio.ratios.least()),
              three(ratio.ratios.most()),
              interval == null ? "" : three(interval.low) + " – " + three(interval.high)));
    }
    return text.append("↑ more is better, ↓ less is better; values and ratio are medians\n")
        .toString();
  }

  /// The same and each round's figures.
  public ObjectNode json() {
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    json.put("first", first);
    json.put("second", second);
    ArrayNode ratios = json.putArray("ratios");
    for (var ratio : ratios()) {
      ObjectNode entry = ratios.addObject();
      entry.put("measure", ratio.measure.key);
      entry.put("higher_is_better", ratio.measure.higherIsBetter);
      entry.put("first", ratio.first);
      entry.put("second", ratio.second);
      entry.put("ratio_median", ratio.ratios.median());
      entry.put("ratio_min", ratio.ratios.least());
      entry.put("ratio_max", ratio.ratios.most());
      if (ratio.interval != null) {
        entry.put("ci95_low", ratio.interval.low);
        entry.put("ci95_high", ratio.interval.high);
      }
    }
    ArrayNode all = json.putArray("rounds");
    for (var round : rounds) {
      ObjectNode entry = all.addObject();
      values(entry.putObject("first"), round.first);
      values(entry.putObject("second"), round.second);
    }
    return json;
  }

  private static void values(ObjectNode json, ServingFigures figures) {
    json.put("completed", figures.completed());
    json.put("failed", figures.failed());
    json.put("duration", figures.seconds());
    json.put("total_input_tokens", figures.inputTokens());
    json.put("total_output_tokens", figures.outputTokens());
    json.put("total_cached_tokens", figures.cachedTokens());
    for (var measure : Measure.values()) {
      json.put(measure.key, measure.of.applyAsDouble(figures));
    }
  }

  private static String row(String name, String... cells) {
    var row = new StringBuilder("%-20s".formatted(name));
    for (String cell : cells) {
      row.append(" %12s".formatted(cell));
    }
    return row.toString().stripTrailing() + "\n";
  }

  private static String shortened(String name) {
    return name.length() <= 12 ? name : name.substring(0, 11) + "…";
  }

  private static String three(double value) {
    return String.format(Locale.ROOT, "%.3f", value);
  }

  private static String number(double value) {
    return String.format(Locale.ROOT, value >= 100 ? "%.1f" : "%.2f", value);
  }
}
