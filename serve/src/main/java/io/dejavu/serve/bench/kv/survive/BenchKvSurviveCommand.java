package io.dejavu.serve.bench.kv.survive;

import io.dejavu.engine.Engine.Outcome;
import io.dejavu.engine.EngineObserver;
import io.dejavu.engine.GenerationEvent;
import io.dejavu.keeper.KeeperConfig;
import io.dejavu.kv.KvLayout;
import io.dejavu.kv.KvMemory;
import io.dejavu.local.Figures;
import io.dejavu.local.LoadedModel;
import io.dejavu.local.LocalPipeline;
import io.dejavu.local.ModelConfig;
import io.dejavu.local.StepLoop;
import io.dejavu.local.StepLoopConfig;
import io.dejavu.serve.bench.kv.survive.SurviveBench.Loss;
import io.dejavu.serve.bench.kv.survive.SurviveBench.Round;
import io.dejavu.serve.cli.ByteSize;
import io.dejavu.serve.cli.ExitCode;
import io.dejavu.serve.cli.ModelArgument;
import io.dejavu.serve.cli.ModelOptions;
import io.dejavu.serve.logging.LogLevel;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.ToLongFunction;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/// Kills processes that generate, and prints what became of their requests. Start at {@link
/// SurviveBench}, which plays the gateway.
@Command(
    name = "survive",
    description = {
      "Kills the process that generates with -9, again and again at random moments; another, which"
          + " waits with the model loaded, goes on in the memory of its keys and values. Compares"
          + " every token with an undisturbed run, and measures the gap."
    },
    footerHeading = "%nExamples:%n",
    footer = {
      "  dejavu bench kv survive --kills 200",
      "  dejavu bench kv survive --kills 0 --speed"
    },
    sortOptions = false)
public final class BenchKvSurviveCommand implements Callable<Integer> {
  /// One generates, two warm up to take over, each in memory of its own.
  private static final int PROCESSES = 3;

  @Spec @Nullable CommandSpec spec;

  @Mixin ModelArgument model = new ModelArgument();

  @Mixin ModelOptions options = new ModelOptions();

  @Option(names = "--kills", paramLabel = "N", description = "Processes to kill. Default: 20.")
  int kills = 20;

  @Option(
      names = "--seconds",
      paramLabel = "N",
      description = "Kills no more after so long. Default: 3600.")
  int seconds = 3600;

  @Option(
      names = "--concurrency",
      paramLabel = "N",
      description = "Requests that are generated together, at most 16. Default: 8.")
  int concurrency = 8;

  @Option(
      names = "--within",
      paramLabel = "MILLISECONDS",
      description =
          "A process is killed within so long after it has taken over and another is ready. Default:"
              + " 400.")
  int within = 400;

  @Option(
      names = "--warm-up",
      paramLabel = "SECONDS",
      description =
          "Longest that a process that waits generates for itself before it is ready. Default: 6.")
  double warmUp = 6;

  @Option(
      names = "--kv-memory",
      paramLabel = "SIZE",
      converter = ByteSize.class,
      description = "Memory for keys and values. Default: 128M.")
  long kvMemory = 128 << 20;

  @Option(names = "--seed", paramLabel = "N", description = "Of the moments. Default: any.")
  long seed = System.nanoTime();

  @Option(
      names = "--speed",
      description = "Also compare the speed of generating in kept and in private memory.")
  boolean speed;

  @Override
  public Integer call() throws IOException, InterruptedException {
    LogLevel.set("WARN");
    check();
    var out = out();
    var config = options.config(model.text());
    SurviveRecord record;
    String kernels;
    try (var loaded = load(config)) {
      try {
        kernels = loaded.kernels().name();
        record = undisturbed(loaded);
        if (speed) {
          KeptSpeed.measure(loaded, out);
        }
      } finally {
        loaded.executor().close();
      }
    }
    boolean good = kills == 0 || survive(out, record, workerArguments(config, kernels));
    return (good ? ExitCode.DONE : ExitCode.FAILED).code();
  }

  private void check() {
    check("--kills", kills, kills >= 0, "at least 0");
    check("--seconds", seconds, seconds >= 1, "at least 1");
    check("--concurrency", concurrency, concurrency >= 1 && concurrency <= 16, "1 to 16");
    check("--within", within, within >= 1, "at least 1");
    check("--warm-up", warmUp, warmUp >= 0 && warmUp <= 3600, "0 to 3600");
  }

  private void check(String name, Number value, boolean good, String range) {
    if (!good) {
      throw options.usage("%s is %s, must be %s".formatted(name, value, range));
    }
  }

  private LoadedModel load(ModelConfig config) {
    try {
      return LoadedModel.open(config, SurviveWorkerCommand.LIMITS, (_, _, _) -> {});
    } catch (IllegalArgumentException e) {
      throw options.usage(e);
    }
  }

  private PrintWriter out() {
    if (spec == null) {
      throw new IllegalStateException("not run by the command line");
    }
    return spec.commandLine().getOut();
  }

  /// Every process computes with the same kernels: which are fastest is measured, and not always
  /// the same.
  private List<String> workerArguments(ModelConfig config, String kernels) {
    var arguments = new ArrayList<String>();
    if (config.randomWeights()) {
      arguments.addAll(List.of("--random-weights", config.path().toString()));
    } else {
      arguments.add(config.path().toString());
    }
    arguments.addAll(
        List.of(
            "--dtype",
            options.dtype(),
            "--weights",
            options.weights(),
            "--kernels",
            kernels,
            "--threads",
            Integer.toString(options.threads()),
            "--warm-up",
            Double.toString(warmUp),
            "--kv-memory",
            Long.toString(kvMemory)));
    return arguments;
  }

  /// The memory of each process, which must hold all requests: none may be computed again for want
  /// of room.
  private KvLayout layout(LoadedModel loaded) throws IOException {
    KvLayout layout;
    try {
      layout =
          LocalPipeline.layout(
              loaded.executor(),
              SurviveWorkerCommand.ENGINE,
              SurviveWorkerCommand.kvConfig(kvMemory));
    } catch (IllegalArgumentException e) {
      throw options.usage(
          "--kv-memory is %s: %s".formatted(Figures.bytes(kvMemory), e.getMessage()));
    }
    int context = loaded.executor().sizes().maxPositions();
    int most = new SurviveRequests(loaded.executor().sizes().vocabulary(), context).mostTokens();
    int blocks = concurrency * KvLayout.blocksFor(most, layout.blockTokens());
    if (layout.blocks() < blocks) {
      throw options.usage(
          "--kv-memory is %s, %d requests at once may need %s"
              .formatted(
                  Figures.bytes(kvMemory),
                  concurrency,
                  Figures.bytes((long) blocks * layout.blockBytes())));
    }
    long free = Files.getFileStore(KeeperConfig.DEFAULT.memory()).getUsableSpace();
    if (layout.bytes() > free / PROCESSES) {
      throw options.usage(
          "--kv-memory is %s, %d processes share %s that are free in %s"
              .formatted(
                  Figures.bytes(kvMemory),
                  PROCESSES,
                  Figures.bytes(free),
                  KeeperConfig.DEFAULT.memory()));
    }
    return layout;
  }

  /// The tokens of each shape, by one process in private memory.
  private SurviveRecord undisturbed(LoadedModel loaded) throws IOException, InterruptedException {
    var config = SurviveWorkerCommand.kvConfig(kvMemory);
    var engine = SurviveWorkerCommand.ENGINE;
    var layout = layout(loaded);
    var requests =
        new SurviveRequests(
            loaded.executor().sizes().vocabulary(),
            LocalPipeline.context(loaded.executor(), engine, layout));
    var expected = new int[SurviveRequests.SHAPES][];
    var prompts = new int[SurviveRequests.SHAPES];
    var memory = KvMemory.open(loaded.kernels().device(), layout);
    try (var loop =
        StepLoop.open(
            LocalPipeline.open(loaded, memory, engine, config),
            engine,
            StepLoopConfig.DEFAULT,
            EngineObserver.NONE)) {
      for (int shape = 0; shape < expected.length; shape++) {
        var request = requests.of("undisturbed-" + shape, shape);
        prompts[shape] = request.prompt().length;
        var tokens = new ArrayList<Integer>();
        var done = new CountDownLatch(1);
        var outcome =
            loop.submit(
                request,
                event -> {
                  if (event instanceof GenerationEvent.Token(_, var id, _)) {
                    tokens.add(id);
                  } else if (event.isLast()) {
                    done.countDown();
                  }
                });
        if (!(outcome instanceof Outcome.Accepted) || !done.await(10, TimeUnit.MINUTES)) {
          throw new IllegalStateException("the undisturbed run: " + outcome);
        }
        expected[shape] = tokens.stream().mapToInt(Integer::intValue).toArray();
      }
    }
    return new SurviveRecord(prompts, expected);
  }

  private boolean survive(PrintWriter out, SurviveRecord record, List<String> arguments)
      throws IOException, InterruptedException {
    out.println("seed " + seed);
    try (var bench = new SurviveBench(record, concurrency, seed, arguments)) {
      long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
      for (int i = 0; i < kills && System.nanoTime() < end; i++) {
        bench.lose(loss(i), Duration.ofMillis(within));
      }
      var left = bench.finish();
      print(out, bench.rounds(), record, left);
      return record.wrong().isEmpty()
          && left.isEmpty()
          && bench.rounds().stream().allMatch(r -> r.prefilled() == 0 && r.recomputed() <= 1);
    }
  }

  /// Most are killed; some in other ways.
  static Loss loss(int number) {
    return switch (number % 20) {
      case 1 -> Loss.TWICE;
      case 2 -> Loss.KEEPER_TOO;
      case 3 -> Loss.STOPPED;
      default -> Loss.KILLED;
    };
  }

  private static void print(
      PrintWriter out, List<Round> rounds, SurviveRecord record, List<String> left) {
    out.printf("%-34s %8s %8s%n", "", "median", "worst");
    row(out, "kill to exit known, ms", rounds, Round::exitNanos);
    row(out, "attach and verify, ms", rounds, Round::attachNanos);
    row(out, "kill to the next token, ms", rounds, Round::firstNanos);
    row(out, "kill to a token of every request, ms", rounds, Round::lastNanos);
    for (var loss : Loss.values()) {
      var of = rounds.stream().filter(round -> round.loss() == loss).toList();
      if (!of.isEmpty()) {
        row(out, "  next token, %d %s".formatted(of.size(), loss), of, Round::firstNanos);
      }
    }
    out.printf(
        "%d losses, %d requests lived through one, %d tokens, %d requests ended%n",
        rounds.size(),
        rounds.stream().mapToInt(Round::sequences).sum(),
        record.tokens(),
        record.ended());
    out.printf(
        "wrong tokens or ends: %d; prompt tokens computed again: %d; most tokens recomputed of a"
            + " request: %d; left behind: %d%n",
        record.wrong().size(),
        rounds.stream().mapToLong(Round::prefilled).sum(),
        rounds.stream().mapToInt(Round::recomputed).max().orElse(0),
        left.size());
    record.wrong().stream().limit(20).forEach(out::println);
    left.forEach(out::println);
  }

  private static void row(
      PrintWriter out, String name, List<Round> rounds, ToLongFunction<Round> nanos) {
    var sorted = rounds.stream().mapToLong(nanos).sorted().toArray();
    out.printf(
        "%-34s %8.1f %8.1f%n",
        name, sorted[sorted.length / 2] / 1e6, sorted[sorted.length - 1] / 1e6);
  }
}
