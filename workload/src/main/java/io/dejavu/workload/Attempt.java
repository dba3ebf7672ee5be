package io.dejavu.workload;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// One request as the client saw it. Times are nanoseconds of the client's clock since the run
/// began.
///
/// @param number of the request within its workload
/// @param planned what was asked for
/// @param startNanos when it was sent, before a connection was made where one was needed
/// @param chunkNanos when each chunk with something of the answer came, ascending
/// @param endNanos when the answer was complete, or the attempt failed
/// @param promptTokens as counted by the server, else as planned
/// @param outputTokens as counted by the server, else chunks
/// @param cachedTokens of the prompt that the server did not compute again, as it says
/// @param failure null: it was answered
public record Attempt(
    int number,
    PlannedRequest planned,
    long startNanos,
    long[] chunkNanos,
    long endNanos,
    int promptTokens,
    int outputTokens,
    int cachedTokens,
    @Nullable Failure failure) {
  /// Whether it was answered completely.
  public boolean completed() {
    return failure == null;
  }

  /// Time to first token: from sending to the first chunk.
  public double ttftMillis() {
    return millis(chunkNanos[0] - startNanos);
  }

  /// From sending to the last chunk.
  public double e2eMillis() {
    return millis(lastNanos() - startNanos);
  }

  /// Time per output token: from the first chunk to the last, over all tokens but the first; 0 for
  /// an answer of one token.
  public double tpotMillis() {
    return outputTokens < 2 ? 0 : millis(lastNanos() - chunkNanos[0]) / (outputTokens - 1);
  }

  /// End-to-end latency over tokens of the answer.
  public double normalizedMillis() {
    return e2eMillis() / Math.max(1, outputTokens);
  }

  /// Inter-token latencies: gaps between chunks.
  public double[] itlMillis() {
    var gaps = new double[Math.max(0, chunkNanos.length - 1)];
    for (int i = 0; i < gaps.length; i++) {
      gaps[i] = millis(chunkNanos[i + 1] - chunkNanos[i]);
    }
    return gaps;
  }

  private long lastNanos() {
    return chunkNanos[chunkNanos.length - 1];
  }

  private static double millis(long nanos) {
    return nanos / 1e6;
  }

  @Override
  public String toString() {
    return "attempt %d, %d to %d ns, chunks %s, %s"
        .formatted(
            number,
            startNanos,
            endNanos,
            Arrays.toString(chunkNanos),
            failure == null ? outputTokens + " tokens" : failure.toString());
  }
}
