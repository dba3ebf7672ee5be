package io.dejavu.local;

import io.dejavu.engine.Engine;
import io.dejavu.engine.FinishReason;
import io.dejavu.engine.GenerationEvent;
import io.dejavu.engine.GenerationRequest;
import io.dejavu.model.StopMatcher;
import io.dejavu.model.TextDecoder;
import io.dejavu.model.Tokenizer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// A text while it is generated. One thread reads it; any may {@link #cancel} it. Closing it ends
/// what still runs.
public final class TextGeneration implements AutoCloseable {
  /// Longest wait for a single token.
  private static final Duration PATIENCE = Duration.ofMinutes(10);

  /// Unbounded as a queue and bounded by the tokens that may be generated.
  private final BlockingQueue<GenerationEvent> events = new LinkedBlockingQueue<>();

  private final GenerationRequest request;
  private final Engine.Generation generation;
  private final TextDecoder decoder;
  private final StopMatcher matcher;
  private final StringBuilder text = new StringBuilder();
  private final List<Integer> tokens = new ArrayList<>();
  private @Nullable GeneratedText result;

  private TextGeneration(
      Engine engine, GenerationRequest request, Tokenizer tokenizer, List<String> stops) {
    this.request = request;
    this.decoder = new TextDecoder(tokenizer, true, request.prompt());
    this.matcher = new StopMatcher(stops);
    this.generation =
        switch (engine.submit(request, events::add)) {
          case Engine.Outcome.Accepted(var accepted) -> accepted;
          case Engine.Outcome.Refused(var why) -> throw new IllegalArgumentException(why);
          case Engine.Outcome.Busy(var why) -> throw new GenerationException(why, true);
        };
  }

  /// Hands a request over.
  ///
  /// @throws IllegalArgumentException if it can never run
  /// @throws GenerationException if the queue is full or the engine closed
  static TextGeneration start(
      Engine engine, GenerationRequest request, Tokenizer tokenizer, List<String> stops) {
    return new TextGeneration(engine, request, tokenizer, stops);
  }

  /// Waits for the next token.
  ///
  /// @return the text that goes out with it, often empty; null at the end
  /// @throws GenerationException if the model cannot go on
  /// @throws InterruptedException if the thread is interrupted, which ends the text too
  public @Nullable String next() throws InterruptedException {
    if (result != null) {
      return null;
    }
    try {
      return switch (events.poll(PATIENCE.toSeconds(), TimeUnit.SECONDS)) {
        case null -> throw new GenerationException("no token within " + PATIENCE, false);
        case GenerationEvent.Prompt _, GenerationEvent.Embedded _ -> "";
        case GenerationEvent.Token token -> add(token.id());
        case GenerationEvent.Finished finished -> end(finished);
        case GenerationEvent.Failed(var why) -> throw new GenerationException(why, false);
      };
    } catch (InterruptedException | RuntimeException e) {
      cancel();
      throw e;
    }
  }

  private String add(int token) {
    if (matcher.stop() != null) {
      return ""; // computed before the engine heard of the stop
    }
    tokens.add(token);
    String piece = matcher.push(decoder.push(token));
    text.append(piece);
    if (matcher.stop() != null) {
      cancel();
    }
    return piece;
  }

  private String end(GenerationEvent.Finished finished) {
    String rest = matcher.stop() != null ? "" : matcher.push(decoder.flush()) + matcher.flush();
    text.append(rest);
    String stop = matcher.stop();
    result =
        new GeneratedText(
            text.toString(),
            tokens,
            finished.promptTokens(),
            finished.cachedTokens(),
            request.seed(),
            stop != null ? FinishReason.STOP : finished.reason(),
            stop);
    return rest;
  }

  /// Waits for the whole text.
  public GeneratedText finish() throws InterruptedException {
    return finish(_ -> {});
  }

  /// Waits for the whole text.
  ///
  /// @param pieces is given the text while it comes, in this thread; what it throws ends the text
  /// @throws GenerationException if the model cannot go on
  public GeneratedText finish(Consumer<String> pieces) throws InterruptedException {
    try (this) {
      for (String piece = next(); piece != null; piece = next()) {
        if (!piece.isEmpty()) {
          pieces.accept(piece);
        }
      }
    }
    var whole = result;
    if (whole == null) {
      throw new GenerationException("the text ended early", false);
    }
    return whole;
  }

  /// Ends the text after what was generated so far, from any thread.
  public void cancel() {
    generation.cancel();
  }

  @Override
  public void close() {
    cancel();
  }
}
