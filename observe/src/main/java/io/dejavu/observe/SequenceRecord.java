package io.dejavu.observe;

import static io.dejavu.observe.SequenceTimes.NEVER;

import io.dejavu.engine.FinishReason;
import io.dejavu.engine.GenerationEvent;
import org.jspecify.annotations.Nullable;

/// The life of a sequence whose request has ended. Times are readings of `System.nanoTime`, or
/// `Long.MIN_VALUE` for what never happened.
///
/// @param cachedTokens of the prompt, not computed again
/// @param queued when the engine accepted it
/// @param started when it was first part of a step
/// @param ended null where the request ended first, such as at a stop string
public record SequenceRecord(
    String id,
    int promptTokens,
    int cachedTokens,
    int generatedTokens,
    int maxTokens,
    long queued,
    long started,
    long firstToken,
    long lastToken,
    long ended,
    @Nullable GenerationEvent end) {
  boolean hasStarted() {
    return started != NEVER;
  }

  boolean hasToken() {
    return firstToken != NEVER;
  }

  /// Why it ended, in vLLM's words: `stop`, `length`, `abort` or `error`.
  ///
  /// @param answered whether the client got its whole answer: a sequence that the engine had to
  ///   cancel or has not ended yet met a stop string then
  String finishReason(boolean answered) {
    return switch (end) {
      case GenerationEvent.Failed _ -> "error";
      case GenerationEvent.Finished finished ->
          switch (finished.reason()) {
            case FinishReason.STOP -> "stop";
            case FinishReason.LENGTH -> "length";
            case FinishReason.CANCELLED -> answered ? "stop" : "abort";
            case FinishReason.DEADLINE -> "abort";
          };
      case null -> answered ? "stop" : "abort";
      case GenerationEvent.Prompt _, GenerationEvent.Token _, GenerationEvent.Embedded _ ->
          throw new IllegalStateException("%s ended with %s".formatted(id, end));
    };
  }
}
