package io.dejavu.serve;

import io.dejavu.workload.JsonReport;
import io.dejavu.workload.LoadBench;
import io.dejavu.workload.Measurement;
import io.dejavu.workload.Objective;
import io.dejavu.workload.PromptText;
import io.dejavu.workload.ServerProbe;
import io.dejavu.workload.TargetConfig;
import io.dejavu.workload.TextReport;
import io.dejavu.workload.Workload;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import tools.jackson.databind.node.ObjectNode;

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
    },
    sortOptions = false)
final class BenchServeCommand implements Callable<Integer> {
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

  private volatile @Nullable LoadBench bench;
  private volatile boolean stopped;

  @Override
  public Integer call() throws IOException {
    LogLevel.set("WARN");
    var done = new CountDownLatch(1);
    var hook = Thread.ofPlatform().name("stop").unstarted(() -> stop(done));
    Runtime.getRuntime().addShutdownHook(hook);
    try {
      var measured = measure(progress(), out());
      if (json != null) {
        Files.writeString(json, JsonReport.text(report(measured)));
      }
      return exitCode(measured).code;
    } finally {
      done.countDown();
      forget(hook);
    }
  }

  /// Runs, and prints each when it is done.
  List<Measurement> measure(BenchProgress progress, PrintWriter out) throws IOException {
    var objective = checked(() -> Objective.parse(goodput));
    var pace = checked(sent::pace);
    var workload = checked(sent::workload);
    check(workload);
    var config = new ServerProbe(checked(target::config)).resolved();
    var words =
        config.form() == TargetConfig.PromptForm.TEXT
            ? new ServerProbe(config).words()
            : PromptText.UNCALIBRATED;
    var load =
        new LoadBench(
            config, words, target.vocabulary, sent.seed, InstantSource.system(), System::nanoTime);
    bench = load;
    if (stopped) {
      load.stop();
    }
    warm(load, workload, pace, progress);
    var measured = new ArrayList<Measurement>();
    for (int i = 0; i < repetitions && !load.isStopped(); i++) {
      try (var bar = progress.start("measuring", workload.requests().size())) {
        var timed = sent.timed(workload, pace);
        var result = load.measure(timed, pace, objective, notes(), bar::step);
        measured.add(result);
      }
      out.print(TextReport.of(measured.getLast(), percentiles));
      out.flush();
    }
    return measured;
  }

  private void warm(
      LoadBench load, Workload workload, Measurement.Pace pace, BenchProgress progress)
      throws IOException {
    int most = pace.concurrency() == null ? 4 : pace.concurrency();
    int requests = warmUp == null ? Math.max(4, most) : warmUp;
    try (var _ = progress.start("warming up", requests)) {
      var failure = load.warmUp(workload, requests, most);
      if (failure != null && !load.isStopped()) {
        throw new IOException(
            "the server does not answer as asked: %s: %s"
                .formatted(failure.label(), failure.message()));
      }
    }
  }

  /// The median run, by output throughput, and a summary of every one where there are more.
  ObjectNode report(List<Measurement> measured) {
    var sorted = new ArrayList<>(measured);
    sorted.sort(Comparator.comparingDouble(m -> m.figures().outputThroughput()));
    var median = JsonReport.of(sorted.get((sorted.size() - 1) / 2), percentiles, true);
    if (measured.size() > 1) {
      var all = median.putArray("repetitions");
      measured.forEach(m -> all.add(JsonReport.of(m, percentiles, false)));
    }
    return median;
  }

  private Map<String, String> notes() {
    var notes = new LinkedHashMap<String, String>();
    notes.put("client", "dejavu " + Dejavu.version());
    notes.put("seed", Long.toString(sent.seed));
    return notes;
  }

  private static ExitCode exitCode(List<Measurement> measured) {
    boolean complete =
        !measured.isEmpty() && measured.stream().allMatch(m -> m.figures().failed() == 0);
    return complete ? ExitCode.DONE : ExitCode.REQUESTS;
  }

  private void check(Workload workload) {
    if (workload.requests().isEmpty()) {
      throw usage("no request is left to be sent");
    }
    if (repetitions < 1) {
      throw usage("--repetitions is %d, must be at least 1".formatted(repetitions));
    }
    if (warmUp != null && warmUp < 0) {
      throw usage("--warm-up is %d, must be at least 0".formatted(warmUp));
    }
    for (double percent : percentiles) {
      if (!(percent >= 0 && percent <= 100)) {
        throw usage("--percentiles has %s, must be 0 to 100".formatted(percent));
      }
    }
  }

  /// In the shutdown's own thread: the main thread prints what there is, and ends the process.
  private void stop(CountDownLatch done) {
    stopped = true;
    var load = bench;
    if (load != null) {
      load.stop();
    }
    try {
      if (!done.await(10, TimeUnit.SECONDS)) {
        System.err.println("dejavu: the measurement did not end");
      }
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
  }

  private static void forget(Thread hook) {
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException _) {
      // the process is ending, by this hook
    }
  }

  private <T> T checked(Callable<T> options) {
    try {
      return options.call();
    } catch (IllegalArgumentException e) {
      throw usage(String.valueOf(e.getMessage()));
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  private CommandLine.ParameterException usage(String message) {
    return new CommandLine.ParameterException(line(), message);
  }

  private PrintWriter out() {
    return line().getOut();
  }

  private static BenchProgress progress() {
    return new BenchProgress();
  }

  private CommandLine line() {
    if (spec == null) {
      throw new IllegalStateException("not run by the command line");
    }
    return spec.commandLine();
  }
}
