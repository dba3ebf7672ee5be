package io.dejavu.serve.bench;

import io.dejavu.serve.cli.ExitCode;
import io.dejavu.serve.logging.LogLevel;
import io.dejavu.workload.Comparison;
import io.dejavu.workload.JsonReport;
import io.dejavu.workload.ServingFigures;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
    name = "compare",
    description = {
      "Measures two servers, or one with two configurations, in turn (A B, B A, …) and prints the"
          + " ratios A : B with their spread over the rounds.",
      "",
      "A and B are YAML files, or YAML itself in {…}: options of `bench serve` without the dashes, and"
          + " for a server that is to be started for each turn `start` (its command), `env`, `ready`"
          + " (path that answers 200, default /health) and `ready-timeout` (seconds, default 300);"
          + " `name` in the report. Each round has prompts of its own, and each side has, if both"
          + " ask one server. Ctrl-C ends it and prints the rounds that are complete."
    },
    footerHeading = "%nExamples:%n",
    footer = {
      "  dejavu bench compare chunked.yaml whole.yaml --rounds 5",
      "  dejavu bench compare '{base-url: http://127.0.0.1:8080, concurrency: 16}' other.yaml",
    },
    sortOptions = false)
final class BenchCompareCommand implements Callable<Integer> {
  /// A server that was started is ended too.
  private static final Duration STOP_PATIENCE = Duration.ofSeconds(30);

  @Spec @Nullable CommandSpec spec;

  @Parameters(index = "0", paramLabel = "A", description = "What is above the line of the ratios.")
  String first = "";

  @Parameters(index = "1", paramLabel = "B", description = "What is below it.")
  String second = "";

  @Option(
      names = "--rounds",
      paramLabel = "N",
      description = "Each measures both. From 5 on there is a confidence interval. Default: 3.")
  int rounds = 3;

  @Option(names = "--json", paramLabel = "FILE", description = "Writes everything there too.")
  @Nullable Path json;

  private volatile @Nullable BenchServeCommand running;
  private volatile boolean stopped;
  private final long promptSeed = WorkloadOptions.anySeed();

  /// A side, ready to be run.
  ///
  /// @param salt of its prompts
  private record Side(BenchArm arm, String label, int salt) {}

  @Override
  public Integer call() throws IOException, InterruptedException {
    LogLevel.set("WARN");
    var out = line().getOut();
    if (rounds < 1) {
      throw usage("--rounds is %d, must be at least 1".formatted(rounds));
    }
    if (json != null && !BenchServeCommand.isWritable(json)) {
      throw usage("--json: %s cannot be written".formatted(json));
    }
    var armA = arm(first, "A");
    var armB = arm(second, "B");
    // A mistake in either is known before the first turn.
    boolean oneServer = command(armA).server().base().equals(command(armB).server().base());
    var a = new Side(armA, "A", 0);
    var b = new Side(armB, "B", oneServer ? 1 : 0);
    try (var _ = StopHook.open(this::stop, STOP_PATIENCE, line().getErr())) {
      return compare(a, b, out).code();
    }
  }

  private ExitCode compare(Side a, Side b, PrintWriter out)
      throws IOException, InterruptedException {
    var complete = new ArrayList<Comparison.Round>();
    boolean failed = false;
    for (int round = 1; round <= rounds && !stopped; round++) {
      boolean inOrder = round % 2 == 1;
      var earlier = turn(round, inOrder ? a : b, out);
      var later = stopped || earlier == null ? null : turn(round, inOrder ? b : a, out);
      if (earlier != null && later != null) {
        complete.add(new Comparison.Round(inOrder ? earlier : later, inOrder ? later : earlier));
        failed |= earlier.failed() + later.failed() > 0;
      }
    }
    var comparison = new Comparison(a.arm.name(), b.arm.name(), complete);
    out.print(comparison.text());
    out.flush();
    if (json != null) {
      Files.writeString(json, JsonReport.text(comparison.json()));
    }
    return failed || complete.isEmpty() ? ExitCode.REQUESTS : ExitCode.DONE;
  }

  /// @return null if it was stopped
  private @Nullable ServingFigures turn(int round, Side side, PrintWriter out)
      throws IOException, InterruptedException {
    var command = command(side.arm);
    // No turn's prompts are in the cache of a server that runs on.
    command.sent.promptSeed = command.sent.promptSeed(promptSeed) + 2L * round + side.salt;
    try (var _ =
        side.arm.start().isEmpty() ? null : MeasuredServer.start(side.arm, command.server())) {
      running = command;
      if (stopped) {
        command.stop();
      }
      var measured =
          command.measure(new BenchProgress(), new PrintWriter(PrintWriter.nullWriter()));
      if (stopped || measured.isEmpty()) {
        return null;
      }
      var figures = command.median(measured).figures();
      out.printf(
          Locale.ROOT,
          "round %d  %s %-16s %9.2f tok/s  TTFT %.1f/%.1f ms  ITL %.2f/%.2f ms (median/P99)  %s%s%n",
          round,
          side.label,
          side.arm.name(),
          figures.outputThroughput(),
          figures.ttft().median(),
          figures.ttft().percentile(99),
          figures.itl().median(),
          figures.itl().percentile(99),
          figures.failed() == 0
              ? figures.completed() + " answered"
              : "FAILED " + figures.failures(),
          figures.cachedTokens() == 0
              ? ""
              : ", %d of %d prompt tokens cached"
                  .formatted(figures.cachedTokens(), figures.inputTokens()));
      out.flush();
      return figures;
    }
  }

  private BenchArm arm(String source, String otherwise) throws IOException {
    try {
      return BenchArm.of(source, otherwise);
    } catch (IllegalArgumentException e) {
      throw usage(String.valueOf(e.getMessage()));
    }
  }

  /// `bench serve` with an arm's options, read as on our own command line.
  private BenchServeCommand command(BenchArm arm) {
    var command = new BenchServeCommand();
    try {
      new CommandLine(command)
          .setCaseInsensitiveEnumValuesAllowed(line().isCaseInsensitiveEnumValuesAllowed())
          .parseArgs(arm.options().toArray(String[]::new));
      command.server();
    } catch (CommandLine.ParameterException e) {
      throw usage("%s: %s".formatted(arm.name(), e.getMessage()));
    }
    return command;
  }

  private void stop() {
    stopped = true;
    var command = running;
    if (command != null) {
      command.stop();
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
