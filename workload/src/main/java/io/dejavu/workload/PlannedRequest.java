package io.dejavu.workload;

import java.time.Duration;
import java.util.List;

/// One request of a workload, before anybody has made its prompt.
///
/// @param at when it arrives, counted from the start of the workload
/// @param promptTokens length of the prompt
/// @param outputTokens length of the answer
/// @param prefix ids of the blocks with which the prompt begins: the same id is the same tokens, in
///   every request of the workload. What they don't cover is this request's own
public record PlannedRequest(Duration at, int promptTokens, int outputTokens, List<Long> prefix) {
  public PlannedRequest {
    if (at.isNegative() || promptTokens < 1 || outputTokens < 1) {
      throw new IllegalArgumentException(
          "a request at %s with %d tokens in and %d out".formatted(at, promptTokens, outputTokens));
    }
    prefix = List.copyOf(prefix);
  }

  /// One that shares nothing and has no time yet.
  public static PlannedRequest of(int promptTokens, int outputTokens) {
    return new PlannedRequest(Duration.ZERO, promptTokens, outputTokens, List.of());
  }

  public PlannedRequest at(Duration time) {
    return new PlannedRequest(time, promptTokens, outputTokens, prefix);
  }

  PlannedRequest scaled(LengthScale scale) {
    return new PlannedRequest(at, scale.of(promptTokens), scale.of(outputTokens), prefix);
  }
}
