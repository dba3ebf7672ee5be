package io.dejavu.serve;

import static java.lang.System.Logger.Level.DEBUG;
import static java.lang.System.Logger.Level.INFO;
import static java.nio.charset.StandardCharsets.UTF_8;

import io.dejavu.api.ApiConfig;
import io.dejavu.api.ApiServer;
import io.dejavu.api.ServedModel;
import io.dejavu.engine.Engine;
import io.dejavu.engine.EngineConfig;
import io.dejavu.engine.GenerationRequest;
import io.dejavu.kv.KvConfig;
import io.dejavu.kv.KvLayout;
import io.dejavu.local.Figures;
import io.dejavu.local.LoadedModel;
import io.dejavu.local.LocalPipeline;
import io.dejavu.local.ModelConfig;
import io.dejavu.local.StepLoop;
import io.dejavu.local.StepLoopConfig;
import io.dejavu.model.LoadProgress;
import io.dejavu.model.StepLimits;
import io.dejavu.observe.EngineFacts;
import io.dejavu.observe.Telemetry;
import io.dejavu.serve.cli.AddressTaken;
import io.dejavu.serve.cli.Installation;
import io.dejavu.serve.cli.LoadBar;
import io.dejavu.tensor.Sampling;
import java.net.BindException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Clock;
import java.time.Duration;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/// `dejavu serve` in one process: a model, its step loop and the HTTP edge before it.
final class LocalServer implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(LocalServer.class.getName());

  /// What a client may ask for beside a token.
  private static final int LOGPROBS = 20;

  private static final int WARM_UP_TOKENS = 64;
  private static final Duration WARM_UP = Duration.ofSeconds(5);

  private final LoadedModel model;
  private final KvLayout layout;
  private final StepLoop engine;
  private final ApiServer api;
  private final ApiConfig apiConfig;
  private final Telemetry telemetry;
  private final ServedModel served;
  private final ModelConfig config;

  private LocalServer(
      LoadedModel model,
      KvLayout layout,
      StepLoop engine,
      ApiServer api,
      ApiConfig apiConfig,
      Telemetry telemetry,
      ServedModel served,
      ModelConfig config) {
    this.model = model;
    this.layout = layout;
    this.engine = engine;
    this.api = api;
    this.apiConfig = apiConfig;
    this.telemetry = telemetry;
    this.served = served;
    this.config = config;
  }

  /// @param servedName null: the name of the model's directory
  /// @throws AddressTaken if the address cannot be listened on
  /// @throws IllegalArgumentException if the configurations do not fit the model or the machine
  static LocalServer start(
      ModelConfig config,
      @Nullable String servedName,
      ChatOptions chat,
      EngineConfig engineConfig,
      StepLoopConfig loopConfig,
      KvConfig kvConfig,
      ApiConfig apiConfig,
      Telemetry telemetry) {
    long begin = System.nanoTime();
    var opening = new FutureTask<>(() -> openApi(apiConfig, telemetry));
    // While the model is loaded; a port that is taken is known before that.
    Thread.ofPlatform().daemon().name("http-start").start(opening);
    LoadedModel model = null;
    StepLoop engine = null;
    boolean complete = false;
    try (var bar = new LoadBar()) {
      var limits = new StepLimits(engineConfig.stepTokens(), LOGPROBS);
      LoadProgress progress =
          (name, done, total) -> {
            if (opening.state() == Future.State.FAILED) {
              api(opening); // says why at once, not after minutes of loading
            }
            bar.loaded(name, done, total);
          };
      model = LoadedModel.open(config, limits, progress);
      LOG.log(DEBUG, "model loaded in {0} ms", millisSince(begin));
      var pipeline = LocalPipeline.open(model, engineConfig, kvConfig);
      engine = StepLoop.open(pipeline, engineConfig, loopConfig, telemetry.observer());
      var served = served(model, servedName, chat, config);
      var api = api(opening);
      var layout = pipeline.layout();
      var facts =
          new EngineFacts(
              served.name(),
              layout.blockTokens(),
              layout.type().toString(),
              kvConfig.prefixCache());
      api.serve(telemetry.watch(engine, facts), served);
      complete = true;
      LOG.log(DEBUG, "serving after {0} ms", millisSince(begin));
      warmUp(engine, served);
      return new LocalServer(model, layout, engine, api, apiConfig, telemetry, served, config);
    } finally {
      if (!complete) {
        giveUp(opening, engine, model);
      }
    }
  }

  /// Generates a little for nobody, so that the first client meets compiled code. Whoever comes
  /// meanwhile shares the steps.
  private static void warmUp(StepLoop engine, ServedModel served) {
    int tokens = Math.min(WARM_UP_TOKENS, engine.maxContext() / 2);
    var prompt = new int[tokens];
    Arrays.fill(prompt, served.vocabulary() / 2);
    var request = GenerationRequest.of("warm-up", prompt, Sampling.GREEDY, 0, tokens);
    if (engine.submit(request, _ -> {}) instanceof Engine.Outcome.Accepted(var generation)) {
      CompletableFuture.delayedExecutor(WARM_UP.toMillis(), TimeUnit.MILLISECONDS)
          .execute(generation::cancel);
    }
  }

  private static ApiServer openApi(ApiConfig config, Telemetry telemetry) throws BindException {
    return ApiServer.open(
        config,
        Installation.version(),
        Clock.systemUTC(),
        () -> ThreadLocalRandom.current().nextLong(),
        telemetry);
  }

  private static ApiServer api(FutureTask<ApiServer> opening) {
    try {
      return opening.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted at start", e);
    } catch (ExecutionException e) {
      throw e.getCause() instanceof BindException taken
          ? new AddressTaken(taken)
          : new IllegalStateException("the HTTP server does not start", e.getCause());
    }
  }

  private static void giveUp(
      FutureTask<ApiServer> opening, @Nullable StepLoop engine, @Nullable LoadedModel model) {
    if (engine != null) {
      engine.close();
    }
    if (model != null && (engine == null || engine.hasEnded())) {
      model.close();
    }
    try {
      api(opening).close();
    } catch (AddressTaken e) {
      LOG.log(DEBUG, "nothing to close", e); // the failure that is being thrown, or a second one
    }
  }

  String url() {
    String host = apiConfig.host();
    boolean everywhere = host.equals("0.0.0.0") || host.equals("::");
    return "%s://%s:%d"
        .formatted(
            apiConfig.tls() == null ? "http" : "https",
            everywhere ? "127.0.0.1" : host.contains(":") ? "[" + host + "]" : host,
            api.port());
  }

  /// What runs here, for people.
  String describe() {
    return """
    DéjàVu %s · %s (%s, %s parameters)
      computes   --dtype %s --weights %s, kernels %s, %d threads
      context    %,d tokens; keys and values of %,d tokens in %s (%s)"""
        .formatted(
            Installation.version(),
            served.name(),
            model.source().config().architecture(),
            Figures.count(model.parameters()),
            config.dtype(),
            config.weights(),
            model.kernels().name(),
            config.threads(),
            engine.maxContext(),
            (long) layout.blocks() * layout.blockTokens(),
            Figures.bytes(layout.bytes()),
            layout.type());
  }

  /// A command that works when pasted into a shell, with a key in place of `KEY` where one is asked
  /// for.
  String example() {
    String key = apiConfig.access().keys().get().isEmpty() ? "" : "-H 'Authorization: Bearer KEY' ";
    String prompt = served.tokenizer() == null ? "[1, 2, 3]" : "\"ROMEO:\\n\"";
    return "curl -N %s/v1/completions %s-d '{\"prompt\": %s, \"max_tokens\": 60, \"stream\": true}'"
        .formatted(url(), key, prompt);
  }

  /// Lets requests under way end, at most for `patience`, and frees everything.
  ///
  /// @return whether all of them were completed
  boolean stop(Duration patience) throws InterruptedException {
    LOG.log(INFO, "stopping, at most {0} s for requests under way", patience.toSeconds());
    boolean complete = api.drain(patience);
    close();
    return complete;
  }

  @Override
  public void close() {
    api.close();
    engine.close();
    telemetry.close();
    if (engine.hasEnded()) {
      model.close(); // else a step still uses it; the process ends soon
    }
  }

  private static ServedModel served(
      LoadedModel model, @Nullable String servedName, ChatOptions chat, ModelConfig config) {
    var source = model.source();
    return new ServedModel(
        servedName == null ? source.name() : servedName,
        Clock.systemUTC().instant(),
        fingerprint(model, config),
        model.executor().sizes().vocabulary(),
        Set.copyOf(source.endTokens(model.tokenizer())),
        model.tokenizer(),
        source.sampling(),
        chat.format(model));
  }

  /// Of all that decides about tokens besides the request: the model, its arithmetic, this version.
  private static String fingerprint(LoadedModel model, ModelConfig config) {
    var checkpoint = model.source().checkpoint();
    String all =
        String.join(
            "|",
            Installation.version(),
            model.source().name(),
            checkpoint == null ? "random" : HexFormat.of().formatHex(checkpoint.identity()),
            model.executor().sizes().toString(),
            config.precision().toString(),
            model.kernels().name());
    try {
      byte[] hash = MessageDigest.getInstance("SHA-256").digest(all.getBytes(UTF_8));
      return "fp_" + HexFormat.of().formatHex(hash, 0, 5);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }

  private static long millisSince(long nanos) {
    return (System.nanoTime() - nanos) / 1_000_000;
  }
}
