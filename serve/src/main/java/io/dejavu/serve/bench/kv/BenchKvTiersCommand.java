package io.dejavu.serve.bench.kv;

import io.dejavu.kv.KvTierConfig;
import io.dejavu.local.Figures;
import io.dejavu.local.LoadedModel;
import io.dejavu.model.StepLimits;
import io.dejavu.serve.bench.kv.TiersBench.Mode;
import io.dejavu.serve.bench.kv.TiersBench.Round;
import io.dejavu.serve.cli.ByteSize;
import io.dejavu.serve.cli.ExitCode;
import io.dejavu.serve.cli.LoadBar;
import io.dejavu.serve.cli.ModelArgument;
import io.dejavu.serve.cli.ModelOptions;
import io.dejavu.serve.logging.LogLevel;
import io.dejavu.workload.Spread;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
    name = "tiers",
    description = {
      "Measures what host memory and disk behind the prefix cache cost and save: prompts that nobody"
          + " has asked before, then the same ones again, one after the other, on engines with"
          + " nothing, host memory and a disk behind a pool that holds two of them. The model is"
          + " loaded three times.",
      "",
      "Each round asks all engines in turn; figures are medians over the rounds, ratios are the"
          + " speed beside that of the engine with nothing in the same round. That one is asked"
          + " twice: by so much two measurements of the same differ."
    },
    footerHeading = "%nExamples:%n",
    footer = {
      "  dejavu bench kv tiers",
      "  dejavu bench kv tiers --disk /var/cache/dejavu --rounds 15",
      "  dejavu bench kv tiers --random-weights bench/shapes/llama-1b.json --prompt 2000"
    },
    sortOptions = false)
final class BenchKvTiersCommand implements Callable<Integer> {
  /// Tokens that one step takes of a prompt.
  private static final int STEP_TOKENS = 256;

  @Spec @Nullable CommandSpec spec;

  @Mixin ModelArgument model = new ModelArgument();

  @Mixin ModelOptions options = new ModelOptions();

  @Option(
      names = "--disk",
      paramLabel = "DIRECTORY",
      description =
          "Where a folder is made for the time of the measurement. Default: where temporary files"
              + " are.")
  Path directory = Path.of(System.getProperty("java.io.tmpdir"));

  @Option(
      names = "--bytes",
      paramLabel = "BYTES",
      converter = ByteSize.class,
      description = "Most that host memory and disk may hold, each. Default: 4G.")
  long bytes = 4L << 30;

  @Option(names = "--prompt", paramLabel = "N", description = "Tokens of each. Default: 900.")
  int prompt = 900;

  @Option(
      names = "--tokens",
      paramLabel = "N",
      description = "Tokens to generate after each. Default: 8.")
  int tokens = 8;

  @Option(
      names = "--prompts",
      paramLabel = "N",
      description = "How many in each round, at least 4. Default: 6.")
  int prompts = 6;

  @Option(
      names = "--rounds",
      paramLabel = "N",
      description = "After one that does not count. Default: 9.")
  int rounds = 9;

  @Override
  public Integer call() throws IOException {
    LogLevel.set("WARN");
    check();
    if (spec == null) {
      throw new IllegalStateException("not run by the command line");
    }
    var out = spec.commandLine().getOut();
    var folder = Files.createTempDirectory(directory, "dejavu-tiers-");
    try (var bench = new TiersBench(prompts, prompt, tokens)) {
      open(bench, Mode.OFF, KvTierConfig.NONE, out);
      open(bench, Mode.HOST, new KvTierConfig(bytes, null, bytes), out);
      open(bench, Mode.DISK, new KvTierConfig(0, folder, bytes), out);
      bench.round(0); // code is compiled, speeds are measured
      var measured = new ArrayList<Map<Mode, Round>>();
      for (int i = 1; i <= rounds; i++) {
        measured.add(bench.round(i));
      }
      print(out, measured);
    } finally {
      try (var files = Files.list(folder)) {
        for (var file : files.toList()) {
          Files.delete(file);
        }
      }
      Files.delete(folder);
    }
    return ExitCode.DONE.code();
  }

  private void open(TiersBench bench, Mode mode, KvTierConfig tiers, PrintWriter out) {
    var loaded = load();
    int positions = loaded.executor().sizes().maxPositions();
    if (prompt + tokens > positions) {
      loaded.executor().close();
      loaded.close();
      throw options.usage(
          "%d tokens, the model was made for %d".formatted(prompt + tokens, positions));
    }
    if (mode == Mode.OFF) {
      out.printf(
          "%s, %s parameters, kernels %s, %d threads; %d rounds of %d prompts of %d tokens, and %d"
              + " more of each%n",
          loaded.source().name(),
          Figures.count(loaded.parameters()),
          loaded.kernels().name(),
          options.threads(),
          rounds,
          prompts,
          prompt,
          tokens);
    }
    bench.open(mode, loaded, STEP_TOKENS, tiers);
  }

  private LoadedModel load() {
    try (var bar = new LoadBar()) {
      return LoadedModel.open(options.config(model.text()), new StepLimits(STEP_TOKENS, 0), bar);
    } catch (IllegalArgumentException e) {
      throw options.usage(e);
    }
  }

  private void check() {
    if (prompt < 32 || tokens < 1 || prompts < 4 || rounds < 1) {
      throw options.usage(
          "--prompt %d --tokens %d --prompts %d --rounds %d: at least 32, 1, 4 and 1"
              .formatted(prompt, tokens, prompts, rounds));
    }
    if (bytes < 1 || !Files.isDirectory(directory) || !Files.isWritable(directory)) {
      throw options.usage(
          "--disk %s --bytes %d: no directory that can be written to, or no bytes"
              .formatted(directory, bytes));
    }
  }

  private void print(PrintWriter out, List<Map<Mode, Round>> measured) {
    out.printf(
        "%-12s %9s  %-20s   %9s  %-23s %8s%n",
        "", "new tok/s", "of off", "again", "of off", "cached");
    for (var mode : Mode.values()) {
      double perRound = (double) prompts * (prompt + tokens);
      var fresh = speeds(measured, mode, round -> perRound / round.freshSeconds());
      var again = speeds(measured, mode, round -> perRound / round.againSeconds());
      out.printf(
          Locale.ROOT,
          "%-12s %9.0f  %-20s   %9.0f  %-23s %7.0f%%%n",
          mode.text,
          Spread.of(fresh).median(),
          ratios(fresh, speeds(measured, Mode.OFF, round -> perRound / round.freshSeconds())),
          Spread.of(again).median(),
          ratios(again, speeds(measured, Mode.OFF, round -> perRound / round.againSeconds())),
          100 * Spread.of(speeds(measured, mode, Round::cached)).median());
    }
    out.flush();
  }

  private static double[] speeds(
      List<Map<Mode, Round>> measured, Mode mode, ToDoubleFunction<Round> figure) {
    return measured.stream().mapToDouble(round -> figure.applyAsDouble(round.get(mode))).toArray();
  }

  /// The median, the least and the largest.
  private static String ratios(double[] speeds, double[] off) {
    var ratios =
        Spread.of(IntStream.range(0, off.length).mapToDouble(i -> speeds[i] / off[i]).toArray());
    return String.format(
        Locale.ROOT, "%.3f (%.3f–%.3f)", ratios.median(), ratios.least(), ratios.most());
  }
}
