package io.dejavu.serve.bench.kv;

import io.dejavu.local.Figures;
import io.dejavu.local.LoadedModel;
import io.dejavu.model.StepLimits;
import io.dejavu.serve.bench.kv.KvStreamBench.Mode;
import io.dejavu.serve.bench.kv.KvStreamBench.Run;
import io.dejavu.serve.bench.kv.KvStreamBench.Targets;
import io.dejavu.serve.cli.ExitCode;
import io.dejavu.serve.cli.LoadBar;
import io.dejavu.serve.cli.ModelArgument;
import io.dejavu.serve.cli.ModelOptions;
import io.dejavu.serve.logging.LogLevel;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
    name = "stream",
    description = {
      "Measures what it costs a model that its keys and values are streamed to another process while"
          + " they are computed: prompts, and then token by token, first without streaming, then"
          + " with more and more of the library. What arrived is compared with what was computed.",
      "",
      "Each round runs all modes in turn; figures are medians over the rounds, ratios are those to"
          + " the run without streaming in the same round. What streaming costs is the time over"
          + " that run: of the prompts, of the steps after them, of the whole.",
      "",
      "Over a link that is much faster than needed there is nothing to hide; --link-rate shows what"
          + " overlapping is worth over a slower one. A rate at which a prompt takes 0.5 to 0.9 of"
          + " its computation shows it best; how much it takes is said."
    },
    footerHeading = "%nExamples:%n",
    footer = {
      "  dejavu bench kv stream",
      "  dejavu bench kv stream --to shm --overhead --rounds 30",
      "  dejavu bench kv stream --disk /var/cache/dejavu",
      "",
      "  # 8 sequences as in DéjàVu's paper: what packing is worth, then what overlapping is",
      "  dejavu bench kv stream --threads 2 --batch 8",
      "  dejavu bench kv stream --threads 2 --batch 8 --link-rate 1Gbit"
    },
    sortOptions = false)
final class BenchKvStreamCommand implements Callable<Integer> {
  /// Most tokens that one step takes of prompts.
  private static final int STEP_TOKENS = 512;

  private static final int WARM_UP_TOKENS = 100;

  /// Slower than any link that is worth it; pieces would not arrive within their deadlines.
  private static final double LEAST_RATE = 1e6;

  @Spec @Nullable CommandSpec spec;

  @Mixin ModelArgument model = new ModelArgument();

  @Mixin ModelOptions options = new ModelOptions();

  @Option(
      names = "--to",
      paramLabel = "WAY",
      description =
          "shm: memory that both processes share; unix: a Unix-domain socket; tcp: a loopback"
              + " connection. Default: tcp.")
  @Nullable String way;

  @Option(
      names = "--link-rate",
      paramLabel = "RATE",
      converter = ByteRate.Reader.class,
      description =
          "Frames to the other process are held back as if its link carried no more a second, such"
              + " as 10Gbit or 1.25GB; to show slower links than there are, not faster ones."
              + " Default: as fast as it is.")
  @Nullable ByteRate rate;

  @Option(
      names = "--disk",
      paramLabel = "DIRECTORY",
      description = "To files there, which are deleted in the end, instead of another process.")
  @Nullable Path directory;

  @Option(
      names = "--batch",
      paramLabel = "N",
      description =
          "Sequences: their prompts are computed one after the other, then a step computes a token"
              + " of each. Default: 1.")
  int batch = 1;

  @Option(names = "--prompt", paramLabel = "N", description = "Tokens of each. Default: 500.")
  int prompt = 500;

  @Option(
      names = "--tokens",
      paramLabel = "N",
      description = "Tokens to generate after it. Default: 500.")
  int tokens = 500;

  @Option(
      names = "--overhead",
      description =
          "Only without streaming and with all of the library: more rounds in the same time.")
  boolean overhead;

  @Option(names = "--rounds", paramLabel = "N", description = "Default: 3.")
  int rounds = 3;

  @Option(
      names = "--warm-up",
      paramLabel = "SECONDS",
      description = "All modes run at least so long, and once, before anything counts. Default: 5.")
  int warmUp = 5;

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
      try (var bench =
          new KvStreamBench(loaded.executor(), loaded.kernels(), batch, prompt, tokens)) {
        head(out, loaded);
        var ablation = directory == null ? toProcess(bench) : toDisk(bench, directory);
        out.print(ablation.table());
        out.println();
        link(out, bench, ablation);
        if (!overhead) {
          out.print(ablation.costs());
        }
        out.flush();
      }
    }
    return ExitCode.DONE.code();
  }

  private StreamAblation toProcess(KvStreamBench bench) throws IOException {
    var memory = bench.memory();
    var sequences = bench.sequences();
    try (var peer = KvPeer.start(way(), sequences, !noChecksums, rate);
        var plain = new PlainLink(peer);
        var fragments = new FragmentTarget(plain, memory, sequences);
        var packed = new PackedTarget(plain, memory, sequences, bench.mostCells());
        var streams = new StreamTarget(peer, memory, sequences, !noChecksums)) {
      return measure(bench, mode -> Targets.of(mode, fragments, packed, streams));
    }
  }

  private StreamAblation toDisk(KvStreamBench bench, Path parent) throws IOException {
    var memory = bench.memory();
    var sequences = bench.sequences();
    try (var fragments = new FragmentFile(parent, memory, sequences);
        var packed = new DiskTarget(parent, memory, sequences, stepTokens(), prompt + tokens);
        var meanwhile = new MeanwhileTarget(packed)) {
      return measure(bench, mode -> Targets.of(mode, fragments, packed, meanwhile));
    }
  }

  private LoadedModel load() {
    try (var bar = new LoadBar()) {
      return LoadedModel.open(options.config(model.text()), new StepLimits(stepTokens(), 0), bar);
    } catch (IllegalArgumentException e) {
      throw options.usage(e);
    }
  }

  private int stepTokens() {
    return Math.max(batch, Math.min(prompt, STEP_TOKENS));
  }

  private String way() {
    return way == null ? "tcp" : way;
  }

  private void check() {
    if (!List.of("shm", "unix", "tcp").contains(way())) {
      throw options.usage("--to is '%s', must be shm, unix or tcp".formatted(way));
    }
    if (directory != null && way != null) {
      throw options.usage("--to %s, --disk %s: one of them".formatted(way, directory));
    }
    if (directory != null && noChecksums) {
      throw options.usage("--no-checksums: records on disk always carry them");
    }
    if (directory != null && rate != null) {
      throw options.usage("--link-rate: there is no link to a disk");
    }
    if (rate != null && rate.bytesPerSecond() < LEAST_RATE) {
      throw options.usage("--link-rate is %s, must be at least 1MB".formatted(rate.text()));
    }
    if (directory != null && !Files.isDirectory(directory)) {
      throw options.usage("--disk %s is no directory".formatted(directory));
    }
    if (batch < 1 || batch > PlainMessage.MOST_PARTS) {
      throw options.usage(
          "--batch is %d, must be 1 to %d".formatted(batch, PlainMessage.MOST_PARTS));
    }
    if (prompt < 1 || tokens < 2 || rounds < 1 || warmUp < 0) {
      throw options.usage(
          "--prompt %d --tokens %d --rounds %d --warm-up %d: at least 1, 2, 1 and 0"
              .formatted(prompt, tokens, rounds, warmUp));
    }
  }

  private StreamAblation measure(KvStreamBench bench, Function<Mode, Targets> targets)
      throws IOException {
    var runs = new ArrayList<Map<Mode, Run>>();
    try (var bar = LoadBar.isTerminal() ? bar(rounds * modes().size()) : null) {
      long begin = System.nanoTime();
      do {
        for (var mode : modes()) {
          bench.run(mode, targets.apply(mode), Math.min(tokens, WARM_UP_TOKENS));
        }
      } while (System.nanoTime() - begin < TimeUnit.SECONDS.toNanos(warmUp));
      for (int round = 0; round < rounds; round++) {
        var turn = new EnumMap<Mode, Run>(Mode.class);
        for (var mode : modes()) {
          turn.put(mode, bench.run(mode, targets.apply(mode), tokens));
          if (bar != null) {
            bar.step();
          }
        }
        runs.add(turn);
      }
    }
    return new StreamAblation(runs);
  }

  private List<Mode> modes() {
    return overhead ? List.of(Mode.OFF, Mode.ALL) : List.of(Mode.values());
  }

  private static ProgressBar bar(int runs) {
    return new ProgressBarBuilder()
        .setTaskName("measuring")
        .setInitialMax(runs)
        .setStyle(ProgressBarStyle.ASCII)
        .build();
  }

  private void head(PrintWriter out, LoadedModel loaded) {
    out.printf(
        Locale.ROOT,
        "%s, %s parameters, --dtype %s --weights %s, kernels %s, %d threads%n"
            + "%s%d + %d tokens to %s, checksums %s, %d rounds%n%n",
        loaded.source().name(),
        Figures.count(loaded.parameters()),
        options.dtype(),
        options.weights(),
        loaded.kernels().name(),
        options.threads(),
        batch == 1 ? "" : "%d sequences of ".formatted(batch),
        prompt,
        tokens,
        directory == null ? "another process over " + way() : directory,
        noChecksums ? "off" : "on",
        rounds);
    out.flush();
  }

  /// How much there was to hide.
  private void link(PrintWriter out, KvStreamBench bench, StreamAblation ablation) {
    if (rate != null) {
      double nanos = rate.nanos(bench.promptBytes());
      out.printf(
          Locale.ROOT,
          "At %s a second the prompts' %.1f MB take %.1f ms, %.2f of their computation.%n%n",
          rate.text(),
          bench.promptBytes() / 1e6,
          nanos / 1e6,
          nanos / ablation.median(Mode.OFF, Run::promptNanos));
    }
  }
}
