package io.dejavu.observe;

import io.dejavu.engine.Engine;
import io.dejavu.engine.GenerationEvent;
import io.dejavu.engine.GenerationRequest;
import java.util.function.Consumer;

/// An engine whose sequences are watched: each belongs to the request that the submitting thread
/// works for, if it works for one.
record ObservedEngine(Engine inner, EngineMetrics metrics) implements Engine {
  @Override
  public int maxContext() {
    return inner.maxContext();
  }

  @Override
  public Outcome submit(GenerationRequest request, Consumer<GenerationEvent> listener) {
    var watch = RequestWatch.current();
    var sequence = new SequenceTimes(request, watch == null ? System.nanoTime() : watch.began());
    metrics.expect(sequence);
    if (watch != null) {
      watch.add(sequence);
    }
    var outcome = inner.submit(request, listener);
    switch (outcome) {
      case Outcome.Accepted _ -> {}
      case Outcome.Refused _, Outcome.Busy _ -> {
        metrics.forget(sequence);
        if (watch != null) {
          watch.remove(sequence);
        }
      }
    }
    return outcome;
  }

  @Override
  public Status status() {
    return inner.status();
  }

  @Override
  public void close() {
    inner.close();
  }
}
