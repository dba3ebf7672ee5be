package io.dejavu.observe;

import io.dejavu.engine.GenerationEvent;
import io.dejavu.engine.GenerationRequest;
import org.jspecify.annotations.Nullable;

/// The life of one sequence, as readings of `System.nanoTime`. Written by the engine's thread, read
/// by the request's.
final class SequenceTimes {
  /// It has not happened.
  static final long NEVER = Long.MIN_VALUE;

  final String id;
  final String tenant;
  final int promptTokens;
  final int maxTokens;

  /// When the request that it belongs to came in.
  final long arrived;

  private volatile long queued = NEVER;
  private volatile long started = NEVER;
  private volatile long firstToken = NEVER;
  private volatile long lastToken = NEVER;
  private volatile long ended = NEVER;
  private volatile int cachedTokens;
  private volatile int generatedTokens;
  private volatile @Nullable GenerationEvent end;

  SequenceTimes(GenerationRequest request, long arrived) {
    this.id = request.id();
    this.tenant = request.tenant();
    this.promptTokens = request.prompt().length;
    this.maxTokens = request.maxTokens();
    this.arrived = arrived;
  }

  void queued(long at) {
    queued = at;
  }

  void started(int cached, long at) {
    cachedTokens = cached;
    started = at;
  }

  /// @return when the token before came; [#NEVER]: this is the first
  long token(int generated, long at) {
    long before = lastToken;
    if (before == NEVER) {
      firstToken = at;
    }
    lastToken = at;
    generatedTokens = generated;
    return before;
  }

  void ended(GenerationEvent event, long at) {
    end = event;
    ended = at;
  }

  /// What is known now; may go on changing while the engine has not ended the sequence.
  SequenceRecord record() {
    return new SequenceRecord(
        id,
        promptTokens,
        cachedTokens,
        generatedTokens,
        maxTokens,
        queued,
        started,
        firstToken,
        lastToken,
        ended,
        end);
  }
}
