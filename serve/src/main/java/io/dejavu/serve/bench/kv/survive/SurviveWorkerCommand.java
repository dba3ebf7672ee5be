package io.dejavu.serve.bench.kv.survive;

import io.dejavu.engine.Engine.Outcome;
import io.dejavu.engine.EngineConfig;
import io.dejavu.engine.EngineObserver;
import io.dejavu.engine.GenerationEvent;
import io.dejavu.engine.GenerationRequest;
import io.dejavu.keeper.KeeperClient;
import io.dejavu.kv.KvConfig;
import io.dejavu.kv.kept.KeptLayout;
import io.dejavu.kv.kept.KeptMemory;
import io.dejavu.kv.kept.KeptMemory.Attachment;
import io.dejavu.kv.kept.KeptSequence;
import io.dejavu.local.KeptSteps;
import io.dejavu.local.LoadedModel;
import io.dejavu.local.LocalPipeline;
import io.dejavu.local.StepLoop;
import io.dejavu.local.StepLoopConfig;
import io.dejavu.model.StepLimits;
import io.dejavu.serve.cli.ExitCode;
import io.dejavu.serve.cli.ModelOptions;
import io.dejavu.serve.logging.LogLevel;
import io.dejavu.tensor.SharedFile;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// A process that generates in kept memory, or waits to take over another's; {@link SurviveBench}
/// tells it which, and kills it. Lines of words, over a Unix-domain socket:
///
/// | it is told | it says |
/// |---|---|
/// | | `hello` name |
/// | `own` segment: make the memory and compute in it | `ready` |
/// | `wait` path: map the memory, warm up | `ready` |
/// | `take` segment owner epoch request… | `attached` µs of taking, attaching, verifying, and what was found of each request; `refused` why |
/// | `submit` id shape | `t` id position token, then `f` id reason or `x` id why |
/// | `status` | `status` prompt tokens, recomputes, leaked blocks |
/// | `end` | nothing any more |
@Command(
    name = "survive-worker",
    hidden = true,
    description = "One of the processes that bench kv survive kills.")
public final class SurviveWorkerCommand implements Callable<Integer> {
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  static final EngineConfig ENGINE = new EngineConfig(64, 16, 64, 0);
  static final StepLimits LIMITS = new StepLimits(64, 0);

  @Parameters(index = "0", arity = "0..1")
  @Nullable String model;

  @Mixin ModelOptions options = new ModelOptions();

  @Option(names = "--bench", required = true)
  Path bench = Path.of("");

  @Option(names = "--keeper", required = true)
  Path keeper = Path.of("");

  @Option(names = "--name", required = true)
  String name = "";

  @Option(names = "--kv-memory", required = true)
  long kvBytes;

  @Option(names = "--warm-up", required = true)
  double warmUp;

  private @Nullable SharedFile file;
  private @Nullable StepLoop loop;

  /// How much memory, and nothing else that would depend on the machine.
  static KvConfig kvConfig(long bytes) {
    return KvConfig.DEFAULT.withBytes(bytes).withSwapBytes(0);
  }

  @Override
  public Integer call() throws IOException, InterruptedException {
    LogLevel.set("WARN");
    var config = options.config(model);
    try (var loaded = LoadedModel.open(config, LIMITS, (_, _, _) -> {});
        var link = SocketChannel.open(StandardProtocolFamily.UNIX);
        var client = KeeperClient.connect(keeper, name, PATIENCE, _ -> {})) {
      var layout = LocalPipeline.layout(loaded.executor(), ENGINE, kvConfig(kvBytes));
      int context = LocalPipeline.context(loaded.executor(), ENGINE, layout);
      var kept = KeptLayout.of(layout, loaded.identity(), ENGINE.maxRunning(), context);
      var requests = new SurviveRequests(loaded.executor().sizes().vocabulary(), context);
      link.connect(UnixDomainSocketAddress.of(bench));
      var in = new BufferedReader(Channels.newReader(link, StandardCharsets.UTF_8));
      var out = new Out(new BufferedWriter(Channels.newWriter(link, StandardCharsets.UTF_8)));
      out.say("hello " + name);
      try {
        for (var line = in.readLine(); line != null; line = in.readLine()) {
          var words = line.split(" ");
          switch (words[0]) {
            case "own" -> {
              warmUp(client, loaded, kept, requests);
              file = SharedFile.open(Path.of(client.hold(words[1], kept.bytes()).path()));
              loop = open(loaded, KeptMemory.create(file, kept), _ -> {});
              out.say("ready");
            }
            case "wait" -> {
              file = SharedFile.open(Path.of(words[1]));
              warmUp(client, loaded, kept, requests);
              out.say("ready");
            }
            case "take" -> take(client, loaded, kept, requests, words, out);
            case "submit" -> submit(requests.of(words[1], Integer.parseInt(words[2])), out);
            case "status" -> out.say(status());
            case "end" -> {
              end(client, words.length > 1 ? words[1] : "");
              return ExitCode.DONE.code();
            }
            default -> throw new IOException("\"%s\" is not understood".formatted(line));
          }
        }
      } finally {
        end(client, "");
        loaded.executor().close();
      }
    }
    return ExitCode.FAILED.code(); // Nobody tells it anything any more.
  }

  /// Where the step loop and the main thread speak.
  private static final class Out {
    private final BufferedWriter writer;

    Out(BufferedWriter writer) {
      this.writer = writer;
    }

    synchronized void say(String line) throws IOException {
      writer.write(line);
      writer.write('\n');
      writer.flush();
    }

    Consumer<GenerationEvent> listener(String id) {
      return event -> {
        try {
          switch (event) {
            case GenerationEvent.Token(var position, var token, _) ->
                say("t %s %d %d".formatted(id, position, token));
            case GenerationEvent.Finished finished ->
                say("f %s %s".formatted(id, finished.reason()));
            case GenerationEvent.Failed(var why) -> say("x %s %s".formatted(id, why));
            case GenerationEvent.Prompt _, GenerationEvent.Embedded _ -> {}
          }
        } catch (IOException e) {
          throw new IllegalStateException("nobody listens to " + id, e);
        }
      };
    }
  }

  private static StepLoop open(LoadedModel loaded, KeptMemory kept, Consumer<StepLoop> first) {
    var memory = kept.keysAndValues(loaded.kernels().device());
    return StepLoop.open(
        LocalPipeline.open(loaded, memory, ENGINE, kvConfig(kept.layout().kv().bytes())),
        ENGINE,
        StepLoopConfig.DEFAULT,
        EngineObserver.NONE,
        new KeptSteps(kept),
        first);
  }

  /// Generates and takes over in memory of its own, so that all code has run before it matters.
  private void warmUp(
      KeeperClient client, LoadedModel loaded, KeptLayout layout, SurviveRequests requests)
      throws IOException, InterruptedException {
    var segment = client.hold(name, layout.bytes());
    var scratch = Path.of(segment.path());
    long end = System.nanoTime() + (long) (warmUp * 1e9);
    generate(
        open(loaded, KeptMemory.create(SharedFile.open(scratch), layout), _ -> {}), requests, end);
    if (KeptMemory.attach(SharedFile.open(scratch), layout, 1)
        instanceof Attachment.Attached(var memory)) {
      generate(open(loaded, memory, _ -> {}), requests, end);
    }
    client.release(name);
  }

  private static void generate(StepLoop loop, SurviveRequests requests, long end)
      throws InterruptedException {
    var done = new CountDownLatch(SurviveRequests.SHAPES);
    try (loop) {
      for (int shape = 0; shape < SurviveRequests.SHAPES; shape++) {
        check(
            loop.submit(
                requests.of("warm-" + shape, shape),
                event -> {
                  if (event.isLast()) {
                    done.countDown();
                  }
                }));
      }
      done.await(Math.max(0, end - System.nanoTime()), TimeUnit.NANOSECONDS);
    }
  }

  /// What the bench knows of a request.
  private record Known(String id, int shape, int[] generated) {
    static Known of(String word) {
      var parts = word.split(":", -1);
      var ids = parts[2].isEmpty() ? new String[0] : parts[2].split(",");
      return new Known(
          parts[0],
          Integer.parseInt(parts[1]),
          Arrays.stream(ids).mapToInt(Integer::parseInt).toArray());
    }
  }

  private void take(
      KeeperClient client,
      LoadedModel loaded,
      KeptLayout layout,
      SurviveRequests requests,
      String[] words,
      Out out)
      throws IOException, InterruptedException {
    var mapped = file;
    if (mapped == null) {
      throw new IllegalStateException("%s was not told to wait".formatted(name));
    }
    long begin = System.nanoTime();
    client.take(words[1], words[2]);
    long taken = System.nanoTime();
    int epoch = Integer.parseInt(words[3]);
    int last = epoch > 0 ? epoch : KeptMemory.epochOf(mapped.bytes());
    switch (KeptMemory.attach(mapped, layout, last)) {
      case Attachment.Refused(var why) -> out.say("refused " + why);
      case Attachment.Attached(var memory) -> {
        long attached = System.nanoTime();
        var found = new HashMap<Long, KeptSequence>();
        memory.inherited().forEach(sequence -> found.put(sequence.request(), sequence));
        var report = new StringBuilder();
        var all = Arrays.stream(words).skip(4).map(Known::of).toList();
        var usable = new HashMap<String, KeptSequence>();
        for (var known : all) {
          var its = found.remove(KeptSteps.number(known.id));
          int committed = its == null ? -1 : its.tokens();
          if (its != null && memory.verify(its).isPresent()) {
            committed = -2;
          } else if (its != null) {
            usable.put(known.id, its);
          }
          report.append(" %s:%d".formatted(known.id, committed));
        }
        found.keySet().forEach(memory::remove);
        out.say(
            "attached %d %d %d %d %d%s"
                .formatted(
                    (taken - begin) / 1000,
                    (attached - taken) / 1000,
                    (System.nanoTime() - attached) / 1000,
                    memory.epoch(),
                    memory.damage().size(),
                    report));
        loop = open(loaded, memory, made -> goOn(made, all, usable, requests, out));
      }
    }
  }

  private static void goOn(
      StepLoop made,
      List<Known> all,
      Map<String, KeptSequence> usable,
      SurviveRequests requests,
      Out out) {
    for (var known : all) {
      var request = requests.of(known.id, known.shape);
      var its = usable.get(known.id);
      check(
          its == null && known.generated.length == 0
              ? made.submit(request, out.listener(known.id))
              : made.adopt(
                  request,
                  known.generated,
                  its == null ? 0 : its.tokens(),
                  its == null ? new int[0] : its.blocks(),
                  out.listener(known.id)));
    }
  }

  private void submit(GenerationRequest request, Out out) {
    check(running().submit(request, out.listener(request.id())));
  }

  private static void check(Outcome outcome) {
    if (!(outcome instanceof Outcome.Accepted)) {
      throw new IllegalStateException(outcome.toString());
    }
  }

  private StepLoop running() {
    var now = loop;
    if (now == null) {
      throw new IllegalStateException("%s computes nothing yet".formatted(name));
    }
    return now;
  }

  private String status() {
    var status = running().status();
    return List.of(
            status.totals().promptTokens(),
            status.totals().recomputes(),
            (long) status.blocksLeaked(),
            (long) status.blocksInUse())
        .stream()
        .map(String::valueOf)
        .collect(Collectors.joining(" ", "status ", ""));
  }

  private void end(KeeperClient client, String segment) throws IOException, InterruptedException {
    var now = loop;
    var mapped = file;
    loop = null;
    file = null;
    if (now != null) {
      now.close();
    } else if (mapped != null) {
      mapped.close();
    }
    if (!segment.isEmpty()) {
      client.release(segment);
    }
  }
}
