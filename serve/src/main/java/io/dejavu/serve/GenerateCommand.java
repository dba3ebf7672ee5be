package io.dejavu.serve;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.dejavu.engine.Engine;
import io.dejavu.engine.EngineConfig;
import io.dejavu.engine.EngineObserver;
import io.dejavu.engine.GenerationEvent;
import io.dejavu.engine.GenerationRequest;
import io.dejavu.kv.KvConfig;
import io.dejavu.local.LoadedModel;
import io.dejavu.local.LocalPipeline;
import io.dejavu.local.StepLoop;
import io.dejavu.local.StepLoopConfig;
import io.dejavu.model.StepLimits;
import io.dejavu.model.StopMatcher;
import io.dejavu.model.TextDecoder;
import io.dejavu.model.Tokenizer;
import io.dejavu.tensor.Sampling;
import java.io.IOException;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
    name = "generate",
    description = "Continues a text, on stdout while it is generated. Nothing else goes there.",
    footerHeading = "%nExamples:%n",
    footer = {
      "  dejavu generate 'ROMEO:'",
      "  dejavu generate ~/models/Llama-3.2-1B 'The capital of France is' -n 20 --temperature 0",
      "  cat scene.txt | dejavu generate - --seed 7 --verbose"
    },
    sortOptions = false)
final class GenerateCommand implements Callable<Integer> {
  /// Longest wait for a single token.
  private static final Duration PATIENCE = Duration.ofMinutes(10);

  @Spec @Nullable CommandSpec spec;

  @Parameters(
      arity = "1..2",
      paramLabel = "[MODEL] PROMPT",
      hideParamSyntax = true,
      description =
          "The text to continue (-: all of stdin), after MODEL if it is not the bundled one: the"
              + " directory of a checkpoint, or ORG/NAME[@REVISION] on the Hugging Face hub.")
  List<String> modelAndPrompt = List.of();

  @Mixin ModelOptions options = new ModelOptions();

  @Option(
      names = {"-n", "--max-tokens"},
      paramLabel = "N",
      description = "Most tokens to generate. Default: 128.")
  int maxTokens = 128;

  @Option(
      names = "--temperature",
      paramLabel = "T",
      description =
          "0: always the likeliest token; higher: more variety. Default: what the checkpoint"
              + " suggests, else 1.")
  @Nullable Float temperature;

  @Option(
      names = "--top-k",
      paramLabel = "K",
      description = "Draw from the K likeliest tokens only; 0: from all.")
  @Nullable Integer topK;

  @Option(
      names = "--top-p",
      paramLabel = "P",
      description = "Draw from the likeliest tokens that have probability P together.")
  @Nullable Float topP;

  @Option(
      names = "--min-p",
      paramLabel = "P",
      description = "Draw no token less likely than P times the likeliest.")
  @Nullable Float minP;

  @Option(
      names = "--repetition-penalty",
      paramLabel = "R",
      description = "Above 1: makes tokens that were seen less likely.")
  @Nullable Float repetition;

  @Option(
      names = "--seed",
      paramLabel = "N",
      description = "The same seed gives the same text. Default: a new one each time.")
  @Nullable Long seed;

  @Option(
      names = "--stop",
      paramLabel = "TEXT",
      description = "Ends before this text; can be given several times.")
  List<String> stops = List.of();

  @Option(names = "--ignore-eos", description = "Goes on after the model's end-of-text token.")
  boolean ignoreEos;

  @Option(names = "--verbose", description = "Says on stderr what ran, and how fast.")
  boolean verbose;

  @Override
  public Integer call() throws IOException, InterruptedException {
    LogLevel.set(verbose ? "INFO" : "WARN");
    if (spec == null) {
      throw new IllegalStateException("not run by the command line");
    }
    var out = spec.commandLine().getOut();
    var err = spec.commandLine().getErr();
    if (modelAndPrompt.size() > 2) {
      throw options.usage("%d texts; quote the prompt".formatted(modelAndPrompt.size()));
    }
    String model = modelAndPrompt.size() == 2 ? modelAndPrompt.getFirst() : null;
    String prompt = modelAndPrompt.getLast();
    if (prompt.equals("-")) {
      prompt = new String(System.in.readAllBytes(), UTF_8);
    }
    var limits = new StepLimits(EngineConfig.DEFAULT.stepTokens(), 0);
    var loaded = load(model, limits);
    boolean unused = true;
    try {
      var tokenizer = tokenizer(loaded);
      var request = request(loaded, tokenizer, prompt);
      var engine = engine(loaded, request);
      try (engine) {
        generate(engine, request, tokenizer, out, err);
      } finally {
        unused = engine.hasEnded();
      }
    } finally {
      if (unused) {
        loaded.close(); // else a step still uses it; the process ends now
      }
    }
    return ExitCode.DONE.code;
  }

  private LoadedModel load(@Nullable String model, StepLimits limits) {
    try (var bar = new LoadBar()) {
      return LoadedModel.open(options.config(model), limits, bar);
    } catch (IllegalArgumentException e) {
      throw options.usage(e);
    }
  }

  private Tokenizer tokenizer(LoadedModel loaded) {
    var tokenizer = loaded.tokenizer();
    if (tokenizer == null) {
      loaded.executor().close();
      throw options.usage("this model has no tokenizer, so it cannot continue a text");
    }
    return tokenizer;
  }

  /// With memory for this request only, not for all positions of the model.
  private StepLoop engine(LoadedModel loaded, GenerationRequest request) {
    int context = Math.max(2, request.prompt().length + request.maxTokens());
    var defaults = EngineConfig.DEFAULT;
    var config =
        new EngineConfig(
            defaults.stepTokens(), defaults.maxRunning(), defaults.maxWaiting(), context);
    var kv = KvConfig.DEFAULT.forOneSequence();
    try {
      var pipeline = LocalPipeline.open(loaded.executor(), loaded.kernels().device(), config, kv);
      return StepLoop.open(pipeline, config, StepLoopConfig.DEFAULT, EngineObserver.NONE);
    } catch (IllegalArgumentException e) {
      throw options.usage(e);
    }
  }

  private GenerationRequest request(LoadedModel loaded, Tokenizer tokenizer, String text) {
    try {
      return request(loaded, tokenizer.encode(text, true));
    } catch (ParameterException e) {
      loaded.executor().close();
      throw e;
    }
  }

  private GenerationRequest request(LoadedModel loaded, int[] prompt) {
    int room = loaded.executor().sizes().maxPositions() - prompt.length;
    if (prompt.length == 0 || room < 1) {
      throw options.usage(
          "the prompt has %d tokens, the model takes 1 to %d"
              .formatted(prompt.length, loaded.executor().sizes().maxPositions() - 1));
    }
    try {
      return GenerationRequest.of(
              "generate",
              prompt,
              sampling(loaded.source().sampling()),
              seed == null ? ThreadLocalRandom.current().nextLong() : seed,
              Math.min(maxTokens, room))
          .withStopTokens(
              ignoreEos ? Set.of() : Set.copyOf(loaded.source().endTokens(loaded.tokenizer())));
    } catch (IllegalArgumentException e) {
      throw options.usage(e);
    }
  }

  private Sampling sampling(Sampling suggested) {
    return new Sampling(
        temperature == null ? suggested.temperature() : temperature,
        topK == null ? suggested.topK() : topK,
        topP == null ? suggested.topP() : topP,
        minP == null ? suggested.minP() : minP,
        repetition == null ? suggested.repetition() : repetition,
        0,
        0,
        Map.of());
  }

  private void generate(
      Engine engine,
      GenerationRequest request,
      Tokenizer tokenizer,
      PrintWriter out,
      PrintWriter err)
      throws InterruptedException {
    BlockingQueue<GenerationEvent> events = new LinkedBlockingQueue<>();
    var decoder = new TextDecoder(tokenizer, true, request.prompt());
    var matcher = new StopMatcher(stops);
    long start = System.nanoTime();
    long first = start;
    int generated = 0;
    switch (engine.submit(request, events::add)) {
      case Engine.Outcome.Refused(var why) -> throw options.usage(why);
      case Engine.Outcome.Busy(var why) -> throw new IllegalStateException(why);
      case Engine.Outcome.Accepted(var generation) -> {
        boolean ended = false;
        while (!ended) {
          var event = events.poll(PATIENCE.toSeconds(), TimeUnit.SECONDS);
          switch (event) {
            case null -> throw new IllegalStateException("no token within " + PATIENCE);
            case GenerationEvent.Prompt _, GenerationEvent.Embedded _ -> {}
            case GenerationEvent.Token token -> {
              first = generated++ == 0 ? System.nanoTime() : first;
              out.print(matcher.push(decoder.push(token.id())));
              out.flush();
              if (matcher.stop() != null) {
                generation.cancel();
                ended = true;
              }
            }
            case GenerationEvent.Finished _ -> {
              out.print(matcher.push(decoder.flush()) + matcher.flush());
              ended = true;
            }
            case GenerationEvent.Failed(var why) -> throw new IllegalStateException(why);
          }
        }
      }
    }
    out.println();
    out.flush();
    if (verbose) {
      report(err, request, generated, first - start, System.nanoTime() - first);
    }
  }

  private static void report(
      PrintWriter err, GenerationRequest request, int generated, long prefill, long decode) {
    err.printf(
        Locale.ROOT,
        "%d prompt tokens in %.2f s (%.1f/s), %d more in %.2f s (%.1f/s), seed %d%n",
        request.prompt().length,
        prefill / 1e9,
        request.prompt().length / (prefill / 1e9),
        Math.max(0, generated - 1),
        decode / 1e9,
        Math.max(0, generated - 1) / (decode / 1e9),
        request.seed());
  }
}
