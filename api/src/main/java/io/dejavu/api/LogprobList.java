package io.dejavu.api;

import io.dejavu.engine.TokenLogprobs;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JsonGenerator;

/// The log probabilities of a choice's tokens that were not written yet.
interface LogprobList {
  /// @param offset of the token's text in the whole text of the choice
  /// @param logprobs null for the first token of a prompt, which has no condition
  void add(int id, int offset, @Nullable TokenLogprobs logprobs);

  boolean isEmpty();

  /// Writes them as one JSON object and forgets them.
  void write(JsonGenerator json);

  /// JSON has no minus infinity.
  static float finite(float logprob) {
    return Math.max(logprob, -9999);
  }
}
