package io.dejavu.serve.bench.kv;

import io.dejavu.serve.bench.kv.KvStreamBench.Mode;
import io.dejavu.serve.bench.kv.KvStreamBench.Run;
import io.dejavu.workload.Spread;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// What `bench kv stream` has measured, and what that says of each step of the library. All figures
/// are medians over the rounds of what each round says.
///
/// @param rounds each a run of every mode, or of some with {@link Mode#OFF} among them
record StreamAblation(List<Map<Mode, Run>> rounds) {
  private static final String NONE = "–";

  /// What packing leaves to hide must be at least such a share of the time without streaming; less
  /// is noise.
  private static final double WORTH_HIDING = 0.03;

  /// A column: part of a run, in nanoseconds.
  private enum Time {
    PROMPTS(Run::promptNanos),
    STEPS(Run::stepsNanos),
    WHOLE(Run::nanos);

    final ToDoubleFunction<Run> of;

    Time(ToDoubleFunction<Run> of) {
      this.of = of;
    }
  }

  /// The table of modes.
  String table() {
    return line("", "prompt ms", "step ms", "whole ms", "ratio (range)")
        + rounds.getFirst().keySet().stream().map(this::row).collect(Collectors.joining());
  }

  private String row(Mode mode) {
    return line(
        mode.text,
        text("%.2f", median(mode, Run::promptNanos) / 1e6),
        text("%.3f", median(mode, Run::stepNanos) / 1e6),
        text("%.1f", median(mode, Run::nanos) / 1e6),
        mode == Mode.OFF ? "" : ratio(mode));
  }

  private static String line(String name, String prompt, String step, String whole, String ratio) {
    return String.format(Locale.ROOT, "%-40s %10s %9s %10s   %s", name, prompt, step, whole, ratio)
            .stripTrailing()
        + System.lineSeparator();
  }

  private static String text(String form, double figure) {
    return String.format(Locale.ROOT, form, figure);
  }

  /// To the run without streaming.
  private String ratio(Mode mode) {
    var ratios = spread(turn -> (double) run(turn, mode).nanos() / run(turn, Mode.OFF).nanos());
    return String.format(
        Locale.ROOT, "%.3f (%.3f – %.3f)", ratios.median(), ratios.least(), ratios.most());
  }

  /// What streaming costs, and how much of that each step of the library takes away. For runs of
  /// every mode.
  String costs() {
    return costLine("streaming costs, ms", "prompts", "steps", "whole")
        + costLine("naive", Mode.NAIVE)
        + costLine("packed", Mode.PACKED)
        + costLine("+ layer by layer", Mode.LAYERS)
        + costLine("+ tokens", Mode.ALL)
        + costLine(
            "naive : packed", packing(Time.PROMPTS), packing(Time.STEPS), packing(Time.WHOLE))
        + costLine(
            "hidden layer by layer, of packed", hidden(Mode.LAYERS, Time.PROMPTS), NONE, NONE)
        + costLine(
            "hidden by all, of packed",
            hidden(Mode.ALL, Time.PROMPTS),
            hidden(Mode.ALL, Time.STEPS),
            hidden(Mode.ALL, Time.WHOLE));
  }

  private String costLine(String name, Mode mode) {
    var cells = Stream.of(Time.values()).map(time -> text("%.1f", cost(mode, time) / 1e6)).toList();
    return costLine(name, cells.get(0), cells.get(1), cells.get(2));
  }

  private static String costLine(String name, String prompts, String steps, String whole) {
    return String.format(Locale.ROOT, "%-40s %10s %9s %10s%n", name, prompts, steps, whole);
  }

  /// How many times as much the fragments cost.
  private String packing(Time time) {
    double packed = cost(Mode.PACKED, time);
    return packed > 0 ? text("%.1f", cost(Mode.NAIVE, time) / packed) : NONE;
  }

  private String hidden(Mode mode, Time time) {
    double packed = cost(Mode.PACKED, time);
    return packed > WORTH_HIDING * median(Mode.OFF, time.of)
        ? text("%.0f %%", 100 * (1 - cost(mode, time) / packed))
        : NONE;
  }

  /// Nanoseconds more than without streaming.
  private double cost(Mode mode, Time time) {
    return spread(
            turn ->
                time.of.applyAsDouble(run(turn, mode)) - time.of.applyAsDouble(run(turn, Mode.OFF)))
        .median();
  }

  /// Of the runs in a mode.
  double median(Mode mode, ToDoubleFunction<Run> figure) {
    return spread(turn -> figure.applyAsDouble(run(turn, mode))).median();
  }

  /// Over the rounds.
  private Spread spread(ToDoubleFunction<Map<Mode, Run>> figure) {
    return Spread.of(rounds.stream().mapToDouble(figure).toArray());
  }

  private static Run run(Map<Mode, Run> turn, Mode mode) {
    var run = turn.get(mode);
    if (run == null) {
      throw new IllegalStateException("no run of " + mode);
    }
    return run;
  }
}
