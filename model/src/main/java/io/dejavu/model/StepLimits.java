package io.dejavu.model;

/// The largest step that scratch memory is allocated for.
///
/// @param tokens most tokens of a step
/// @param logprobs most likeliest tokens reported with any token
public record StepLimits(int tokens, int logprobs) {
  public static final StepLimits DEFAULT = new StepLimits(2048, 20);

  /// Bytes of logits computed at once; more rows than fit are computed in turns.
  private static final long LOGIT_BYTES = 32 << 20;

  public StepLimits {
    if (tokens < 1 || logprobs < 0) {
      throw new IllegalArgumentException("%d tokens, %d logprobs".formatted(tokens, logprobs));
    }
  }

  /// Rows of logits computed at once. At least 16, so that the output matrix is not read for a few
  /// rows each time.
  int logitRows(int vocabulary) {
    var rows = Math.clamp(LOGIT_BYTES / (4L * vocabulary), 16, 256);
    return Math.min(rows, tokens);
  }
}
