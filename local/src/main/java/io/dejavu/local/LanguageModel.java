package io.dejavu.local;

import io.dejavu.engine.Engine;
import io.dejavu.engine.EngineConfig;
import io.dejavu.engine.EngineObserver;
import io.dejavu.engine.GenerationRequest;
import io.dejavu.kv.KvConfig;
import io.dejavu.model.CheckpointException;
import io.dejavu.model.LoadProgress;
import io.dejavu.model.StepLimits;
import io.dejavu.model.Tokenizer;
import io.dejavu.template.TemplateException;
import io.dejavu.template.TemplateRefusal;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// A model in this application: text in, text out, with the engine that serves over HTTP.
///
/// ```java
/// try (var model = LanguageModel.open(Path.of("models/shakespeare-opt-7m"))) {
///   model.generate("ROMEO:\n", GenerationOptions.DEFAULT, System.out::print);
/// }
/// ```
///
/// Any number of threads may call it at once, virtual ones too: their texts are computed together,
/// and each is the same as if it were alone. A call waits in its own thread, which may be
/// interrupted.
///
/// Closing it ends the texts under way and frees weights, keys and values.
public final class LanguageModel implements AutoCloseable {
  private final LoadedModel model;
  private final StepLoop engine;
  private final Tokenizer tokenizer;
  private final Set<Integer> endTokens;
  private final AtomicLong requests = new AtomicLong();

  /// Null until it is needed.
  private volatile @Nullable CheckpointChat chat;

  private LanguageModel(LoadedModel model, StepLoop engine, Tokenizer tokenizer) {
    this.model = model;
    this.engine = engine;
    this.tokenizer = tokenizer;
    this.endTokens = Set.copyOf(model.source().endTokens(tokenizer));
  }

  /// Loads a checkpoint, to be computed as it is stored, by all CPUs.
  ///
  /// @throws CheckpointException if it cannot be loaded
  /// @throws IllegalArgumentException if it has no tokenizer, or there is no memory for its keys
  ///   and values
  /// @throws WeightMemory.TooSmall if its weights do not fit into the memory
  public static LanguageModel open(Path checkpoint) {
    return open(ModelConfig.of(checkpoint), EngineConfig.DEFAULT, KvConfig.DEFAULT);
  }

  /// Loads a model.
  ///
  /// @throws CheckpointException if it cannot be loaded
  /// @throws IllegalArgumentException if the configurations do not fit it or the memory
  /// @throws WeightMemory.TooSmall if its weights do not fit into the memory
  public static LanguageModel open(ModelConfig config, EngineConfig engine, KvConfig kv) {
    var limits = new StepLimits(engine.stepTokens(), 0);
    var loaded = LoadedModel.open(config, limits, LoadProgress.SILENT);
    return of(loaded, engine, kv, EngineObserver.NONE);
  }

  /// Starts the engine of a model that is loaded.
  ///
  /// @param model loaded for steps of at least `engine.stepTokens()` tokens; closed with what this
  ///   returns, or here if this throws
  /// @param observer sees what becomes of requests and steps
  /// @throws IllegalArgumentException if the configurations do not fit it or the memory, or it has
  ///   no tokenizer
  public static LanguageModel of(
      LoadedModel model, EngineConfig engine, KvConfig kv, EngineObserver observer) {
    StepLoop loop = null;
    boolean complete = false;
    try {
      var pipeline = LocalPipeline.open(model, engine, kv);
      loop = StepLoop.open(pipeline, engine, StepLoopConfig.DEFAULT, observer);
      var tokenizer = model.tokenizer();
      if (tokenizer == null) {
        throw new IllegalArgumentException(
            "%s has no tokenizer, so it cannot continue a text".formatted(model.source().name()));
      }
      var opened = new LanguageModel(model, loop, tokenizer);
      complete = true;
      return opened;
    } finally {
      if (!complete) {
        close(loop, model);
      }
    }
  }

  /// Continues a text and waits for its end.
  ///
  /// @throws IllegalArgumentException if the prompt is empty or too long, or an option impossible
  /// @throws GenerationException if too much is asked for at once, or the model cannot go on
  public GeneratedText generate(String prompt, GenerationOptions options)
      throws InterruptedException {
    return start(prompt, options).finish();
  }

  /// Continues a text and waits for its end.
  ///
  /// @param pieces is given the text while it comes, in this thread; what it throws ends the text
  /// @throws IllegalArgumentException if the prompt is empty or too long, or an option impossible
  /// @throws GenerationException if too much is asked for at once, or the model cannot go on
  public GeneratedText generate(String prompt, GenerationOptions options, Consumer<String> pieces)
      throws InterruptedException {
    return start(prompt, options).finish(pieces);
  }

  /// Answers the last message and waits for the end of the answer.
  ///
  /// @param pieces is given the answer while it comes, in this thread; what it throws ends it
  /// @throws UnsupportedOperationException if the model has no chat template
  /// @throws TemplateRefusal if the template does not take these messages
  /// @throws TemplateException if the template is broken
  /// @throws IllegalArgumentException if the messages are too long, or an option is impossible
  /// @throws GenerationException if too much is asked for at once, or the model cannot go on
  public GeneratedText chat(
      List<ChatMessage> messages, GenerationOptions options, Consumer<String> pieces)
      throws InterruptedException {
    return startChat(messages, options).finish(pieces);
  }

  /// Begins to continue a text; the caller reads and closes it.
  public TextGeneration start(String prompt, GenerationOptions options) {
    return start(tokenizer.encode(prompt, true), options);
  }

  /// Begins an answer to the last message; the caller reads and closes it.
  public TextGeneration startChat(List<ChatMessage> messages, GenerationOptions options) {
    var format = chat;
    if (format == null) {
      format = CheckpointChat.of(model.source().checkpoint());
      chat = format; // perhaps twice, which is harmless
    }
    var stops = new ArrayList<>(options.stops());
    if (options.constraint() == null) {
      stops.addAll(format.stops()); // a grammar says itself where a text ends
    }
    // The template writes the model's begin token itself.
    var prompt = tokenizer.encode(format.prompt(messages), false);
    return start(prompt, options.withStops(stops));
  }

  /// Begins to continue token ids; the caller reads and closes it.
  public TextGeneration start(int[] prompt, GenerationOptions options) {
    int room = engine.maxContext() - prompt.length;
    if (prompt.length == 0 || room < 1) {
      throw new IllegalArgumentException(
          "the prompt has %d tokens, the model takes 1 to %d"
              .formatted(prompt.length, engine.maxContext() - 1));
    }
    var seed = options.seed();
    var request =
        GenerationRequest.of(
                "local-" + requests.incrementAndGet(),
                prompt,
                options.sampling(model.source().sampling()),
                seed == null ? ThreadLocalRandom.current().nextLong() : seed,
                Math.min(options.maxTokens(), room))
            .withStopTokens(options.endless() ? Set.of() : endTokens)
            .withPriority(options.priority())
            .withTimeout(options.timeout())
            .withConstraint(options.constraint());
    return TextGeneration.start(engine, request, tokenizer, options.stops());
  }

  /// The name of its directory.
  public String name() {
    return model.source().name();
  }

  /// Most tokens of a text, prompt included.
  public int maxContext() {
    return engine.maxContext();
  }

  public Tokenizer tokenizer() {
    return tokenizer;
  }

  /// Ids that end a text.
  public Set<Integer> endTokens() {
    return endTokens;
  }

  /// What computes, for its status and for requests that this class does not make.
  public Engine engine() {
    return engine;
  }

  @Override
  public void close() {
    close(engine, model);
  }

  private static void close(@Nullable StepLoop engine, LoadedModel model) {
    if (engine != null) {
      engine.close();
    }
    if (engine == null || engine.hasEnded()) {
      model.close(); // else a step still uses it
    }
  }
}
