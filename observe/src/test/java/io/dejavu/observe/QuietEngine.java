package io.dejavu.observe;

import io.dejavu.engine.Engine;
import io.dejavu.engine.GenerationEvent;
import io.dejavu.engine.GenerationRequest;
import java.util.function.Consumer;

/// Accepts everything and does nothing: tests say what happens.
final class QuietEngine implements Engine {
  boolean full;
  Status status =
      new Status(true, "", 3, 2, 1, 40, 20, 100, 0, 3, new Totals(7, 70, 30, 90, 20, 4, 5));

  @Override
  public int maxContext() {
    return 1000;
  }

  @Override
  public Outcome submit(GenerationRequest request, Consumer<GenerationEvent> listener) {
    return full ? new Outcome.Busy("full") : new Outcome.Accepted(() -> {});
  }

  @Override
  public Status status() {
    return status;
  }

  @Override
  public void close() {}
}
