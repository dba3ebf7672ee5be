package io.dejavu.serve.bench;

import io.dejavu.serve.cli.ExitCode;
import io.dejavu.serve.cli.Installation;
import io.dejavu.serve.logging.LogLevel;
import io.dejavu.workload.HtmlReport;
import io.dejavu.workload.JsonReport;
import io.dejavu.workload.LoadBench;
import io.dejavu.workload.Measurement;
import io.dejavu.workload.Objective;
import io.dejavu.workload.PromptText;
import io.dejavu.workload.RateSearch;
import io.dejavu.workload.ServerProbe;
import io.dejavu.workload.TargetConfig;
import io.dejavu.workload.TextReport;
import io.dejavu.workload.Workload;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
    name = "serve",
    description = {
      "Measures an OpenAI-compatible server, ours or another, through HTTP: time to first token, time"
          + " per token, latencies, throughput, goodput. docs/benchmarking.md defines them.",
      "",
      "Ctrl-C ends the measurement and prints what was measured so far."
    },
    footerHeading = "%nExamples:%n",
    footer = {
      "  dejavu bench serve --concurrency 16 --input-len 32 --output-len 128",
      "  dejavu bench serve --rate 4 --workload chat --max-len 1024 --goodput ttft:500 tpot:50",
      "  dejavu bench serve --find-rate --goodput ttft:500 tpot:50 --html report.html",
      "  dejavu bench serve --trace AzureLLMInferenceTrace_conv.csv --scale-len 1/8 --speed 2"
    },
    sortOptions = false)
final class BenchServeCommand implements Callable<Integer> {
  private static final int LEAST_WARM_UP = 4;
  private static final double RATE_PRECISION = 1.05;
  private static final Duration STOP_PATIENCE = Duration.ofSeconds(10);

  @Spec @Nullable CommandSpec spec;

  @Mixin TargetOptions target = new TargetOptions();
  @Mixin WorkloadOptions sent = new WorkloadOptions();

  @Option(
      names = "--warm-up",
      paramLabel = "N",
      description =
          "Requests sent before, which are not measured. Default: as many as go at once, at least"
              + " 4.")
  @Nullable Integer warmUp;

  @Option(
      names = "--repetitions",
      paramLabel = "N",
      description = "Runs, each with other prompts of the same lengths. Default: 1.")
  int repetitions = 1;

  @Option(
      names = "--goodput",
      paramLabel = "LIMIT",
      arity = "1..*",
      split = ",",
      description =
          "Limits in ms that good answers keep, such as ttft:200 tpot:50 e2el:5000. Adds goodput and"
              + " attainment.")
  List<String> goodput = List.of();

  @Option(
      names = "--find-rate",
      description =
          "Searches the highest rate at which nine in ten requests are good, beginning with --rate or"
              + " 1 per second; each step is a run.")
  boolean findRate;

  @Option(
      names = "--attainment",
      paramLabel = "F",
      description = "Share of good requests that it asks for. Default: 0.9.")
  double attainment = 0.9;

  @Option(names = "--find-steps", paramLabel = "N", description = "Most runs of it. Default: 12.")
  int findSteps = 12;

  @Option(
      names = "--percentiles",
      paramLabel = "P",
      split = ",",
      description = "Of each latency. Default: 50,75,90,95,99,99.9.")
  List<Double> percentiles = List.of(50.0, 75.0, 90.0, 95.0, 99.0, 99.9);

  @Option(
      names = "--json",
      paramLabel = "FILE",
      description = "Writes everything there too, with the keys of vLLM's benchmark.")
  @Nullable Path json;

  @Option(
      names = "--html",
      paramLabel = "FILE",
      description = "Writes a page with charts, which needs nothing else.")
  @Nullable Path html;

  private volatile @Nullable LoadBench bench;
  private volatile boolean stopped;

  @Override
  public Integer call() throws IOException {
    LogLevel.set("WARN");
    try (var _ = StopHook.open(this::stop, STOP_PATIENCE, line().getErr())) {
      var measured = measure(new BenchProgress(), line().getOut());
      if (measured.isEmpty()) {
        line().getErr().println("dejavu: stopped before anything was measured");
      } else {
        write(measured);
      }
      return exitCode(measured).code();
    }
  }

  /// Runs, and prints each when it is done. Stopped, it returns what there is.
  List<Measurement> measure(BenchProgress progress, PrintWriter out) throws IOException {
    check();
    var objective = objective();
    var pace = checked(sent::pace);
    var workload = checked(sent::workload);
    if (workload.requests().isEmpty()) {
      throw usage("--max-len leaves no request");
    }
    sent.shortfall(workload)
        .ifPresent(why -> line().getErr().println("dejavu: " + why)); // and what there is is sent
    long promptSeed = sent.promptSeed(WorkloadOptions.anySeed());
    var config = new ServerProbe(server()).resolved();
    boolean text = config.form() == TargetConfig.PromptForm.TEXT;
    var load =
        new LoadBench(
            config,
            text ? new ServerProbe(config).words() : PromptText.UNCALIBRATED,
            target.vocabulary,
            promptSeed,
            InstantSource.system(),
            System::nanoTime);
    bench = load;
    if (stopped) {
      load.stop();
    }
    warm(load, workload, pace, progress);
    Run run =
        at -> {
          try (var bar = progress.start("measuring", workload.requests().size())) {
            return load.measure(
                sent.timed(workload, at), at, objective, notes(promptSeed), bar::step);
          }
        };
    return findRate ? found(run, pace, out) : repeated(run, pace, out);
  }

  /// One run in a rhythm.
  private interface Run {
    Measurement in(Measurement.Pace pace);
  }

  private List<Measurement> repeated(Run run, Measurement.Pace pace, PrintWriter out) {
    var measured = new ArrayList<Measurement>();
    for (int i = 0; i < repetitions && !stopped; i++) {
      measured.add(run.in(pace));
      out.print(TextReport.of(measured.getLast(), percentiles));
      out.flush();
    }
    if (measured.size() > 1) {
      out.print(TextReport.summary(measured));
      out.flush();
    }
    return measured;
  }

  /// @return all runs of the search, in order
  private List<Measurement> found(Run run, Measurement.Pace pace, PrintWriter out) {
    double first = pace.rate() == null ? 1 : pace.rate();
    var search = new RateSearch(first, attainment, RATE_PRECISION, findSteps);
    var measured = new ArrayList<Measurement>();
    for (var next = search.next(); next.isPresent() && !stopped; next = search.next()) {
      double rate = next.getAsDouble();
      var result = run.in(pace.at(rate));
      measured.add(result);
      var figures = result.figures();
      out.printf(
          Locale.ROOT,
          "rate %8.3f/s: %5.1f %% within %s, goodput %.3f/s, TTFT P90 %.1f ms, TPOT P90 %.2f ms%s%n",
          rate,
          100 * figures.attainment(),
          result.objective(),
          figures.goodput(),
          figures.ttft().percentile(90),
          figures.tpot().percentile(90),
          figures.failed() == 0 ? "" : ", failed: " + figures.failures());
      out.flush();
      if (!stopped) {
        search.observe(figures.attainment());
      }
    }
    out.println(conclusion(search));
    out.flush();
    return measured;
  }

  private String conclusion(RateSearch search) {
    String share = String.format(Locale.ROOT, "%.0f %%", 100 * attainment);
    if (search.best().isEmpty()) {
      return "no rate was found at which %s are good".formatted(share);
    }
    String bound =
        search.tooMuch().isPresent()
            ? String.format(Locale.ROOT, "%.3f/s is too much", search.tooMuch().getAsDouble())
            : "none was too much within %d runs".formatted(findSteps);
    return String.format(
        Locale.ROOT,
        "highest rate with %s good: %.3f/s (%s)",
        share,
        search.best().getAsDouble(),
        bound);
  }

  private void warm(
      LoadBench load, Workload workload, Measurement.Pace pace, BenchProgress progress)
      throws IOException {
    int most = pace.concurrency() == null ? LEAST_WARM_UP : pace.concurrency();
    int requests = warmUp == null ? Math.max(LEAST_WARM_UP, most) : warmUp;
    try (var bar = progress.start("warming up", requests)) {
      var failure = load.warmUp(workload, requests, most, bar::step);
      if (failure != null && !stopped) {
        throw new ServerProbe.Unreachable(
            "the server does not answer as asked: %s: %s"
                .formatted(failure.label(), failure.message()),
            null);
      }
    }
  }

  private void write(List<Measurement> measured) throws IOException {
    var best = median(measured);
    if (json != null) {
      var report = JsonReport.of(best, percentiles, true);
      if (measured.size() > 1) {
        var all = report.putArray(findRate ? "rates" : "repetitions");
        measured.forEach(m -> all.add(JsonReport.of(m, percentiles, false)));
      }
      Files.writeString(json, JsonReport.text(report));
    }
    if (html != null) {
      Files.writeString(html, HtmlReport.of(best, percentiles));
    }
  }

  /// Of several runs the one that represents them: that of median throughput, or, of a search, the
  /// fastest of those that kept the limits.
  Measurement median(List<Measurement> measured) {
    var sorted = new ArrayList<>(measured);
    if (findRate) {
      sorted.sort(Comparator.comparingDouble(m -> m.pace().rate() == null ? 0 : m.pace().rate()));
      return sorted.reversed().stream()
          .filter(m -> m.figures().attainment() >= attainment)
          .findFirst()
          .orElse(sorted.getFirst());
    }
    sorted.sort(Comparator.comparingDouble(m -> m.figures().outputThroughput()));
    return sorted.get((sorted.size() - 1) / 2);
  }

  private Map<String, String> notes(long promptSeed) {
    var notes = new LinkedHashMap<String, String>();
    notes.put("client_version", "dejavu " + Installation.version());
    notes.put("seed", Long.toString(sent.seed()));
    notes.put("prompt_seed", Long.toString(promptSeed));
    return notes;
  }

  private static ExitCode exitCode(List<Measurement> measured) {
    boolean complete =
        !measured.isEmpty()
            && measured.stream()
                .allMatch(m -> m.figures().failed() == 0 && m.figures().completed() > 0);
    return complete ? ExitCode.DONE : ExitCode.REQUESTS;
  }

  /// The server as the options say; a model may be missing.
  TargetConfig server() {
    return checked(target::config);
  }

  private Objective objective() {
    var objective = checked(() -> Objective.parse(goodput));
    if (findRate && objective.isEmpty()) {
      throw usage("--find-rate needs --goodput");
    }
    return objective;
  }

  /// What is wrong with the options, before anything is sent.
  private void check() {
    if (repetitions < 1) {
      throw usage("--repetitions is %d, must be at least 1".formatted(repetitions));
    }
    if (warmUp != null && warmUp < 0) {
      throw usage("--warm-up is %d, must be at least 0".formatted(warmUp));
    }
    writable("--json", json);
    writable("--html", html);
    if (!(attainment > 0 && attainment <= 1) || findSteps < 1) {
      throw usage("--attainment is %s, --find-steps %d".formatted(attainment, findSteps));
    }
    for (double percent : percentiles) {
      if (!(percent >= 0 && percent <= 100)) {
        throw usage("--percentiles has %s, must be 0 to 100".formatted(percent));
      }
    }
  }

  /// Not to find out after an hour of measuring.
  private void writable(String option, @Nullable Path file) {
    if (file != null && !isWritable(file)) {
      throw usage("%s: %s cannot be written".formatted(option, file));
    }
  }

  static boolean isWritable(Path file) {
    var folder = file.toAbsolutePath().getParent();
    return Files.exists(file)
        ? Files.isWritable(file) && !Files.isDirectory(file)
        : folder != null && Files.isDirectory(folder) && Files.isWritable(folder);
  }

  /// From any thread: ends what is under way.
  void stop() {
    stopped = true;
    var load = bench;
    if (load != null) {
      load.stop();
    }
  }

  private interface Checked<T> {
    T value() throws IOException;
  }

  private <T> T checked(Checked<T> options) {
    try {
      return options.value();
    } catch (IllegalArgumentException | IOException e) {
      throw usage(String.valueOf(e.getMessage()));
    }
  }

  private CommandLine.ParameterException usage(String message) {
    return new CommandLine.ParameterException(line(), message);
  }

  private CommandLine line() {
    if (spec == null) {
      throw new IllegalStateException("not run by the command line");
    }
    return spec.commandLine();
  }
}
