package io.dejavu.engine;

import java.util.List;
import org.jspecify.annotations.Nullable;

/// What a request's client learns while its sequence is generated, in this order: at most one
/// `Prompt`, any number of `Token`s, at most one `Embedded`, and exactly one `Finished` or
/// `Failed`.
public sealed interface GenerationEvent {
  /// Whether nothing comes after it.
  default boolean isLast() {
    return this instanceof Finished || this instanceof Failed;
  }

  /// The prompt was computed; sent only if its logprobs were asked for. Entry `i` belongs to prompt
  /// token `i + 1` (the first has no condition).
  record Prompt(List<TokenLogprobs> logprobs) implements GenerationEvent {}

  /// The next token. Each position is reported exactly once.
  ///
  /// @param position in the sequence, prompt included
  record Token(int position, int id, @Nullable TokenLogprobs logprobs) implements GenerationEvent {}

  /// The vector of the prompt, of length 1; sent only if it was asked for.
  record Embedded(float[] vector) implements GenerationEvent {}

  /// The end of the sequence.
  ///
  /// @param cachedTokens of the prompt, not computed again
  record Finished(FinishReason reason, int promptTokens, int generatedTokens, int cachedTokens)
      implements GenerationEvent {}

  /// The sequence can't go on; nothing of it is left in memory.
  record Failed(String why) implements GenerationEvent {}
}
