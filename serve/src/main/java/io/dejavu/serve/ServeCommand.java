package io.dejavu.serve;

import io.dejavu.api.ApiConfig;
import io.dejavu.engine.EngineConfig;
import io.dejavu.engine.Pooling;
import io.dejavu.kv.KvConfig;
import io.dejavu.kv.KvTierConfig;
import io.dejavu.local.Figures;
import io.dejavu.local.FreeMemory;
import io.dejavu.local.ModelSource;
import io.dejavu.local.StepLoopConfig;
import io.dejavu.model.Architectures;
import io.dejavu.serve.cli.ByteSize;
import io.dejavu.serve.cli.ExitCode;
import io.dejavu.serve.cli.ModelArgument;
import io.dejavu.serve.cli.ModelOptions;
import java.io.PrintWriter;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
    name = "serve",
    description = {
      "Starts an OpenAI-compatible server: /v1/chat/completions, /v1/completions, /v1/embeddings,",
      "/v1/models and more.",
      "",
      "Ctrl-C or SIGTERM stops it: new requests are refused, those under way are completed."
    },
    footerHeading = "%nExamples:%n",
    footer = {
      "  dejavu serve",
      "  dejavu serve Qwen/Qwen3-0.6B",
      "  dejavu serve ~/models/Llama-3.2-1B --weights int8 --host 0.0.0.0",
      "  curl http://127.0.0.1:8080/v1/completions -d '{\"prompt\": \"ROMEO:\", \"max_tokens\": 40}'",
    },
    sortOptions = false)
final class ServeCommand implements Callable<Integer> {
  private static final System.Logger LOG = System.getLogger(ServeCommand.class.getName());

  @Spec @Nullable CommandSpec spec;

  @Mixin ModelArgument model = new ModelArgument();

  @Mixin ModelOptions options = new ModelOptions();

  @Option(
      names = "--host",
      paramLabel = "ADDRESS",
      description = "Address to listen on; 0.0.0.0 is all of this machine. Default: 127.0.0.1.")
  String host = ApiConfig.DEFAULT.host();

  @Option(
      names = "--port",
      paramLabel = "PORT",
      description = "Port to listen on; 0 is any free one. Default: 8080.")
  int port = ApiConfig.DEFAULT.port();

  @Option(
      names = "--served-model-name",
      paramLabel = "NAME",
      description = "What clients call the model. Default: ORG/NAME, or the name of its directory.")
  @Nullable String servedName;

  @Mixin ChatOptions chat = new ChatOptions();

  @Option(
      names = "--max-context",
      paramLabel = "TOKENS",
      description =
          "Most tokens of a sequence, prompt and answer. Default: as many as the model was made for"
              + " and the memory holds.")
  int maxContext = EngineConfig.DEFAULT.maxContext();

  @Option(
      names = "--kv-memory",
      paramLabel = "SIZE",
      converter = ByteSize.class,
      description =
          "Memory for keys and values, such as 2G. Default: enough for 16 sequences of full length,"
              + " but at most 0.6 of the free memory and 4 GiB.")
  long kvMemory;

  @Option(
      names = "--swap-memory",
      paramLabel = "SIZE",
      converter = ByteSize.class,
      description =
          "Host memory for sequences that lose their place when memory for keys and values runs"
              + " out; taken when it is needed. 0: they are computed again, but for what --kv-host"
              + " and --kv-disk have of them. Default: what --kv-host leaves of 1G, at most a"
              + " quarter of the free memory.")
  @Nullable Long swapMemory;

  @Option(
      names = "--kv-host",
      paramLabel = "SIZE",
      converter = ByteSize.class,
      description =
          "Host memory for keys and values that --kv-memory has no room for any more: of prompts,"
              + " in case they come again, and of sequences that lost their place. Taken when it is"
              + " needed. Default: 0, none.")
  long kvHost;

  @Option(
      names = "--kv-disk",
      paramLabel = "DIR",
      description =
          "Directory where keys and values of prompts are kept, for the next server too. One server"
              + " uses it at a time.")
  @Nullable Path kvDisk;

  @Option(
      names = "--kv-disk-size",
      paramLabel = "SIZE",
      converter = ByteSize.class,
      description = "Most that they may take there, for each model. Default: 16G.")
  @Nullable Long kvDiskSize;

  @Option(
      names = "--no-prefix-cache",
      description = "Computes every prompt from its start, even if another one began alike.")
  boolean noPrefixCache;

  @Option(
      names = {"--step-tokens", "--max-batch-tokens"},
      paramLabel = "TOKENS",
      description =
          "Most tokens computed in one step: longer prompts are computed in chunks, so that they"
              + " don't hold up others. Default: what is measured after the start to be enough"
              + " for nine tenths of the highest speed, at most 256.")
  int stepTokens;

  @Option(
      names = "--max-sequences",
      paramLabel = "N",
      description = "Most sequences computed together; more wait. Default: 64.")
  int maxSequences = EngineConfig.DEFAULT.maxRunning();

  @Option(
      names = "--pooling",
      paramLabel = "KIND",
      description =
          "How /v1/embeddings makes one vector of a text, where a request does not say: last (the"
              + " last token's, which has seen the whole text), mean (of all tokens) or auto (what the"
              + " checkpoint's 1_Pooling/config.json says, else last). Default: auto.")
  String pooling = "auto";

  @Mixin AccessOptions access = new AccessOptions();

  @Option(
      names = "--request-timeout",
      paramLabel = "SECONDS",
      description = "Longest time for one request, waiting included. Default: 600.")
  int requestTimeout = (int) ApiConfig.DEFAULT.requestDeadline().toSeconds();

  @Option(
      names = "--stop-timeout",
      paramLabel = "SECONDS",
      description = "Longest wait for requests under way when the server is stopped. Default: 30.")
  int stopTimeout = 30;

  @Mixin ObserveOptions observe = new ObserveOptions();

  @Override
  public Integer call() throws InterruptedException {
    observe.startLogging();
    if (spec == null) {
      throw new IllegalStateException("not run by the command line");
    }
    var out = spec.commandLine().getOut();
    var server = start();
    var stopped = new CountDownLatch(1);
    Runtime.getRuntime()
        .addShutdownHook(Thread.ofPlatform().name("stop").unstarted(() -> stop(server, stopped)));
    banner(server, out);
    stopped.await(); // never: the process ends in the hook
    return ExitCode.DONE.code();
  }

  /// Also for tests, which have no process of their own to stop.
  LocalServer start() {
    check();
    try {
      var api =
          access
              .apply(
                  ApiConfig.DEFAULT.at(host, port).within(Duration.ofSeconds(requestTimeout)),
                  System.getenv())
              .with(pooling());
      var engine =
          new EngineConfig(
              stepTokens > 0
                  ? stepTokens
                  : Math.max(EngineConfig.DEFAULT.stepTokens(), maxSequences),
              maxSequences,
              EngineConfig.DEFAULT.maxWaiting(),
              maxContext);
      return LocalServer.start(
          options.config(model.text()),
          servedName,
          chat,
          engine,
          stepTokens > 0 ? StepLoopConfig.DEFAULT : StepLoopConfig.DEFAULT.withMeasuredSteps(),
          KvConfig.DEFAULT
              .withBytes(kvMemory)
              .withSwapBytes(swapBytes())
              .withPrefixCache(!noPrefixCache)
              .withTiers(tiers()),
          api,
          observe.telemetry());
    } catch (IllegalArgumentException e) {
      throw options.usage(e);
    }
  }

  /// One budget: what loses its place finds room where blocks of prompts do.
  private long swapBytes() {
    if (swapMemory != null) {
      return swapMemory;
    }
    return Math.max(0, KvConfig.DEFAULT.swapBytes() - (noPrefixCache ? 0 : kvHost));
  }

  private KvTierConfig tiers() {
    return new KvTierConfig(
        kvHost, kvDisk, kvDiskSize == null ? KvTierConfig.NONE.diskBytes() : kvDiskSize);
  }

  private Pooling pooling() {
    return switch (pooling) {
      case "last" -> Pooling.LAST;
      case "mean" -> Pooling.MEAN;
      case "auto" -> CheckpointPooling.of(options.config(model.text()));
      default -> throw options.usage("--pooling is last, mean or auto, not " + pooling);
    };
  }

  /// What is wrong with the options, before anything is loaded.
  private void check() {
    try {
      chat.check();
    } catch (IllegalArgumentException e) {
      throw options.usage(e);
    }
    if (maxSequences < 1) {
      throw options.usage("--max-sequences is %d, must be at least 1".formatted(maxSequences));
    }
    if (stepTokens < 0 || (stepTokens > 0 && stepTokens < maxSequences)) {
      throw options.usage(
          "--step-tokens is %d, must be at least --max-sequences, which is %d"
              .formatted(stepTokens, maxSequences));
    }
    if (requestTimeout < 1) {
      throw options.usage("--request-timeout is %d, must be at least 1".formatted(requestTimeout));
    }
    if (stopTimeout < 0) {
      throw options.usage("--stop-timeout is %d, must be at least 0".formatted(stopTimeout));
    }
    if (servedName != null && servedName.isBlank()) {
      throw options.usage("--served-model-name is blank");
    }
    if (maxContext != 0) {
      var config = ModelSource.of(options.config(model.text())).config();
      int positions = Architectures.of(config).sizes().maxPositions();
      if (maxContext < 2 || maxContext > positions) {
        throw options.usage(
            "--max-context is %d, must be 2 to %d for this model".formatted(maxContext, positions));
      }
    }
    checkKvMemory();
    checkTiers();
  }

  private void checkKvMemory() {
    checkFits("--kv-memory", kvMemory);
    long free = FreeMemory.bytes();
    if (kvMemory > free) {
      LOG.log(
          System.Logger.Level.WARNING,
          "--kv-memory is {0}, only {1} seem to be free",
          Figures.bytes(kvMemory),
          Figures.bytes(free));
    }
  }

  private void checkTiers() {
    checkFits("--kv-host", kvHost);
    if (kvDiskSize != null && kvDisk == null) {
      throw options.usage("--kv-disk-size is of no use without --kv-disk");
    }
    if (noPrefixCache && (kvHost > 0 || kvDisk != null)) {
      throw options.usage(
          "%s keeps what the prefix cache has no room for: not with --no-prefix-cache"
              .formatted(kvHost > 0 ? "--kv-host" : "--kv-disk"));
    }
    if (kvDisk != null && Files.exists(kvDisk) && !Files.isDirectory(kvDisk)) {
      throw options.usage("--kv-disk: %s is a file, not a directory".formatted(kvDisk));
    }
  }

  private void checkFits(String option, long bytes) {
    long total = FreeMemory.total();
    if (bytes > total) {
      throw options.usage(
          "%s is %s, this machine has %s"
              .formatted(option, Figures.bytes(bytes), Figures.bytes(total)));
    }
  }

  private void stop(LocalServer server, CountDownLatch stopped) {
    int code = ExitCode.FAILED.code();
    try {
      boolean complete = server.stop(Duration.ofSeconds(stopTimeout));
      code = (complete ? ExitCode.DONE : ExitCode.UNFINISHED).code();
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    } finally {
      stopped.countDown();
      Runtime.getRuntime().halt(code); // the JVM's own code would say "killed by a signal"
    }
  }

  private static void banner(LocalServer server, PrintWriter out) {
    var up = Duration.ofMillis(ManagementFactory.getRuntimeMXBean().getUptime());
    out.println(server.describe());
    out.printf("  url        %s/v1 · ready in %s%n", server.url(), Figures.seconds(up));
    out.println();
    out.println("Try it:");
    out.println("  " + server.example());
    out.println("Ctrl-C stops it.");
    out.flush();
  }
}
