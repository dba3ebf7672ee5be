package io.dejavu.model;

import io.dejavu.tensor.SampleRow;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// One forward pass: the newest tokens of some sequences, prompt chunks and single decode tokens
/// alike. What it computes for a sequence does not depend on the others.
public record Step(List<Part> parts) {
  private static final int[] NONE = {};

  public Step {
    parts = List.copyOf(parts);
  }

  /// All tokens of the step, T.
  public int tokens() {
    return parts.stream().mapToInt(part -> part.tokens.length).sum();
  }

  /// What is computed of one sequence.
  ///
  /// @param tokens the new token ids, at least one; all before them are in the KV cache
  /// @param start position of the first of them
  /// @param blocks the sequence's KV blocks in order, enough for `start + tokens.length` tokens
  /// @param draw how a token is drawn from the last row; null: none is
  /// @param logprobs likeliest tokens reported with the drawn one; 0: the drawn one's alone; -1:
  ///   none
  /// @param targets for each row the token whose log probability is wanted, -1 where none is;
  ///   empty: nowhere. Prompt logprobs: the prompt's next token. The row that draws has none
  /// @param targetLogprobs likeliest tokens reported with each target
  /// @param hidden so many of the last rows come back as the final norm leaves them; 0: none. Such
  ///   a part neither draws nor has targets
  public record Part(
      int[] tokens,
      int start,
      int[] blocks,
      @Nullable SampleRow draw,
      int logprobs,
      int[] targets,
      int targetLogprobs,
      int hidden) {
    public Part {
      if (tokens.length == 0 || start < 0) {
        throw new IllegalArgumentException(
            "%d tokens from position %d".formatted(tokens.length, start));
      }
      if (targets.length != 0 && targets.length != tokens.length) {
        throw new IllegalArgumentException(
            "%d targets for %d tokens".formatted(targets.length, tokens.length));
      }
      if (draw != null && targets.length != 0 && targets[targets.length - 1] >= 0) {
        throw new IllegalArgumentException("the row that draws a token has a target");
      }
      if (logprobs < -1 || targetLogprobs < 0) {
        throw new IllegalArgumentException(
            "%d logprobs, %d with targets".formatted(logprobs, targetLogprobs));
      }
      if (hidden < 0 || hidden > tokens.length) {
        throw new IllegalArgumentException(
            "%d hidden rows of %d tokens".formatted(hidden, tokens.length));
      }
      if (hidden > 0 && (draw != null || targets.length != 0)) {
        throw new IllegalArgumentException("a part with hidden rows draws or has targets");
      }
    }

    public Part(
        int[] tokens,
        int start,
        int[] blocks,
        @Nullable SampleRow draw,
        int logprobs,
        int[] targets,
        int targetLogprobs) {
      this(tokens, start, blocks, draw, logprobs, targets, targetLogprobs, 0);
    }

    /// Computes keys and values of `tokens`, and nothing else.
    public static Part prefill(int[] tokens, int start, int[] blocks) {
      return new Part(tokens, start, blocks, null, -1, NONE, 0);
    }

    /// Computes `tokens` and draws the next one.
    public static Part draw(int[] tokens, int start, int[] blocks, SampleRow draw) {
      return new Part(tokens, start, blocks, draw, -1, NONE, 0);
    }

    /// The same, and the drawn token's logprobs.
    public Part withLogprobs(int count) {
      return new Part(tokens, start, blocks, draw, count, targets, targetLogprobs);
    }

    /// The same, and logprobs of these targets.
    public Part withTargets(int[] targets, int count) {
      return new Part(tokens, start, blocks, draw, logprobs, targets, count);
    }

    /// Computes `tokens`; the last `count` rows come back.
    public static Part hidden(int[] tokens, int start, int[] blocks, int count) {
      return new Part(tokens, start, blocks, null, -1, NONE, 0, count);
    }

    /// Tokens of the sequence including these.
    public int context() {
      return start + tokens.length;
    }
  }
}
