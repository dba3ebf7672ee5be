package io.dejavu.local;

import io.dejavu.engine.GenerationEvent;
import io.dejavu.engine.GenerationRequest;
import java.util.function.Consumer;

/// A request that was accepted and has not ended, as the step loop knows it.
final class LiveRequest {
  final long sequence;
  final GenerationRequest request;
  final long submittedAt;

  /// Has it been in a step?
  boolean started;

  /// Did it lose its place, and was in no step since?
  boolean preempted;

  /// Tokens that its listener was told, and those that were generated elsewhere before.
  int generated;

  final Consumer<GenerationEvent> listener;

  /// @param submittedAt by `System.nanoTime()`
  LiveRequest(
      long sequence,
      GenerationRequest request,
      long submittedAt,
      Consumer<GenerationEvent> listener) {
    this.sequence = sequence;
    this.request = request;
    this.submittedAt = submittedAt;
    this.listener = listener;
  }
}
