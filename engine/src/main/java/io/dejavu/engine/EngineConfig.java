package io.dejavu.engine;

/// How a pipeline batches.
///
/// @param stepTokens most tokens computed in one step: how long a prompt chunk may hold up the
///   sequences that are being generated
/// @param maxRunning most sequences computed together
/// @param maxWaiting most requests that wait for a place; more are turned away
/// @param maxContext most tokens of a sequence, prompt and generated; 0: as many as the model and
///   the memory for keys and values allow
public record EngineConfig(int stepTokens, int maxRunning, int maxWaiting, int maxContext) {
  public static final EngineConfig DEFAULT = new EngineConfig(256, 64, 1024, 0);

  public EngineConfig {
    if (maxRunning < 1 || maxWaiting < 0 || maxContext < 0) {
      throw new IllegalArgumentException(
          "%d running and %d waiting requests of %d tokens"
              .formatted(maxRunning, maxWaiting, maxContext));
    }
    if (stepTokens < maxRunning) {
      throw new IllegalArgumentException(
          "steps of %d tokens cannot take one of each of %d sequences"
              .formatted(stepTokens, maxRunning));
    }
  }

  /// Most requests that may be accepted and not yet ended.
  public int maxLive() {
    return maxRunning + maxWaiting;
  }
}
