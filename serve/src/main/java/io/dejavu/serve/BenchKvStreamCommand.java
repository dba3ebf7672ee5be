package io.dejavu.serve;

import io.dejavu.local.Figures;
import io.dejavu.local.LoadedModel;
import io.dejavu.model.StepLimits;
import io.dejavu.serve.KvStreamBench.Mode;
import io.dejavu.serve.KvStreamBench.Run;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
    name = "stream",
    description = {
      "Measures what it costs a model that its keys and values are streamed to another process while"
          + " they are computed: one sequence, a prompt and then token by token, first without"
          + " streaming, then with more and more of the library. What arrived is compared with what"
          + " was computed.",
      "",
      "Each round runs all modes in turn; figures are medians over the rounds, ratios are those to"
          + " the run without streaming in the same round."
    },
    footerHeading = "%nExamples:%n",
    footer = {
      "  dejavu bench kv stream",
      "  dejavu bench kv stream --to shm --rounds 5",
      "  dejavu bench kv stream --disk /var/cache/dejavu",
      "  dejavu bench kv stream --random-weights bench/shapes/opt-125m.json --to tcp"
    },
    sortOptions = false)
final class BenchKvStreamCommand implements Callable<Integer> {
  /// Tokens that one step takes of the prompt.
  private static final int STEP_TOKENS = 512;

  /// In which code is compiled.
  private static final Duration WARM_UP = Duration.ofSeconds(5);

  private static final int WARM_UP_TOKENS = 100;

  @Spec @Nullable CommandSpec spec;

  @Parameters(
      index = "0",
      arity = "0..1",
      paramLabel = "MODEL",
      description =
          "Directory of a checkpoint, or ORG/NAME[@REVISION] on the Hugging Face hub. Default: the"
              + " bundled model.")
  @Nullable String model;

  @Mixin ModelOptions options = new ModelOptions();

  @Option(
      names = "--to",
      paramLabel = "WAY",
      description =
          "shm: memory that both processes share; unix: a Unix-domain socket; tcp: a loopback"
              + " connection. Default: tcp.")
  String way = "tcp";

  @Option(
      names = "--disk",
      paramLabel = "DIRECTORY",
      description = "To files there, which are deleted in the end, instead of another process.")
  @Nullable Path directory;

  @Option(names = "--prompt", paramLabel = "N", description = "Its tokens. Default: 500.")
  int prompt = 500;

  @Option(
      names = "--tokens",
      paramLabel = "N",
      description = "Tokens to generate after it. Default: 500.")
  int tokens = 500;

  @Option(names = "--rounds", paramLabel = "N", description = "Default: 3.")
  int rounds = 3;

  @Option(names = "--no-checksums", description = "Pieces carry no CRC32C.")
  boolean noChecksums;

  @Override
  public Integer call() throws IOException {
    LogLevel.set("WARN");
    check();
    if (spec == null) {
      throw new IllegalStateException("not run by the command line");
    }
    var out = spec.commandLine().getOut();
    try (var loaded = load()) {
      int positions = loaded.executor().sizes().maxPositions();
      if (prompt + tokens > positions) {
        loaded.executor().close();
        throw options.usage(
            "%d tokens, the model was made for %d".formatted(prompt + tokens, positions));
      }
      try (var bench = new KvStreamBench(loaded.executor(), loaded.kernels(), prompt, tokens)) {
        head(out, loaded);
        if (directory == null) {
          toProcess(bench, out);
        } else {
          toDisk(bench, directory, out);
        }
      }
    }
    return ExitCode.DONE.code;
  }

  private void toProcess(KvStreamBench bench, PrintWriter out) throws IOException {
    try (var peer = KvPeer.start(way, bench.memory().layout(), !noChecksums);
        var fragments = new FragmentTarget(peer, bench.memory());
        var packed = new PackedTarget(fragments, bench.memory(), Math.min(prompt, STEP_TOKENS));
        var streams = new StreamTarget(peer, bench.memory(), !noChecksums);
        var layered = new LayeredTarget(streams, packed, prompt)) {
      measure(
          bench,
          mode ->
              switch (mode) {
                case OFF, NAIVE -> fragments;
                case PACKED -> packed;
                case LAYERS -> layered;
                case ALL -> streams;
              },
          out);
    }
  }

  private void toDisk(KvStreamBench bench, Path directory, PrintWriter out) throws IOException {
    try (var fragments = new FragmentFile(directory, bench.memory());
        var records =
            new DiskTarget(
                directory, bench.memory(), Math.min(prompt, STEP_TOKENS), prompt + tokens)) {
      measure(bench, mode -> mode == Mode.NAIVE ? fragments : records, out);
    }
  }

  private LoadedModel load() {
    try (var bar = new LoadBar()) {
      return LoadedModel.open(
          options.config(model), new StepLimits(Math.min(prompt, STEP_TOKENS), 0), bar);
    } catch (IllegalArgumentException e) {
      throw options.usage(e);
    }
  }

  private void check() {
    if (!List.of("shm", "unix", "tcp").contains(way)) {
      throw options.usage("--to is '%s', must be shm, unix or tcp".formatted(way));
    }
    if (directory != null && noChecksums) {
      throw options.usage("--no-checksums: records on disk always carry them");
    }
    if (directory != null && !Files.isDirectory(directory)) {
      throw options.usage("--disk %s is no directory".formatted(directory));
    }
    if (prompt < 1 || tokens < 2 || rounds < 1) {
      throw options.usage(
          "--prompt %d --tokens %d --rounds %d: at least 1, 2 and 1"
              .formatted(prompt, tokens, rounds));
    }
  }

  private void measure(
      KvStreamBench bench, Function<Mode, KvStreamBench.Target> targets, PrintWriter out)
      throws IOException {
    long begin = System.nanoTime();
    do {
      for (var mode : Mode.values()) {
        bench.run(mode, targets.apply(mode), Math.min(tokens, WARM_UP_TOKENS));
      }
    } while (System.nanoTime() - begin < WARM_UP.toNanos());
    var runs = new ArrayList<Map<Mode, Run>>();
    for (int round = 0; round < rounds; round++) {
      var turn = new EnumMap<Mode, Run>(Mode.class);
      for (var mode : Mode.values()) {
        turn.put(mode, bench.run(mode, targets.apply(mode), tokens));
      }
      runs.add(turn);
    }
    for (var mode : Mode.values()) {
      print(out, mode, runs);
    }
  }

  private void head(PrintWriter out, LoadedModel loaded) {
    out.printf(
        Locale.ROOT,
        "%s, %s parameters, --dtype %s --weights %s, kernels %s, %d threads%n"
            + "%d + %d tokens to %s, checksums %s, %d rounds%n%n",
        loaded.source().name(),
        Figures.count(loaded.parameters()),
        options.dtype,
        options.weights,
        loaded.kernels().name(),
        options.threads,
        prompt,
        tokens,
        directory == null ? "another process over " + way : directory,
        noChecksums ? "off" : "on",
        rounds);
    out.printf(
        "%-42s %10s %9s %10s %21s %13s%n",
        "", "prompt ms", "step ms", "whole ms", "ratio (range)", "streaming ms");
    out.flush();
  }

  private static void print(PrintWriter out, Mode mode, List<Map<Mode, Run>> rounds) {
    var ratios =
        rounds.stream()
            .mapToDouble(turn -> (double) run(turn, mode).nanos() / run(turn, Mode.OFF).nanos())
            .sorted()
            .toArray();
    double streaming =
        median(rounds, turn -> (run(turn, mode).nanos() - run(turn, Mode.OFF).nanos()) / 1e6);
    out.printf(
        Locale.ROOT,
        "%-42s %10.2f %9.3f %10.1f %21s %13s%n",
        mode.text,
        median(rounds, turn -> run(turn, mode).promptNanos() / 1e6),
        median(rounds, turn -> run(turn, mode).stepNanos() / 1e6),
        median(rounds, turn -> run(turn, mode).nanos() / 1e6),
        mode == Mode.OFF
            ? ""
            : String.format(
                Locale.ROOT,
                "%.3f (%.3f – %.3f)",
                ratios[ratios.length / 2],
                ratios[0],
                ratios[ratios.length - 1]),
        mode == Mode.OFF ? "" : String.format(Locale.ROOT, "%.1f", streaming));
    out.flush();
  }

  private static Run run(Map<Mode, Run> turn, Mode mode) {
    var run = turn.get(mode);
    if (run == null) {
      throw new IllegalStateException("no run of " + mode);
    }
    return run;
  }

  private static double median(
      List<Map<Mode, Run>> rounds, ToDoubleFunction<Map<Mode, Run>> figure) {
    var sorted = rounds.stream().mapToDouble(figure).sorted().toArray();
    return sorted[sorted.length / 2];
  }
}
