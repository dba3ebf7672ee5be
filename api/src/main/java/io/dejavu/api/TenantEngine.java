package io.dejavu.api;

import io.dejavu.engine.Engine;
import io.dejavu.engine.GenerationEvent;
import io.dejavu.engine.GenerationRequest;
import java.time.Duration;
import java.util.function.Consumer;

/// An engine as clients with API keys meet it: requests carry the name of their [Caller], who is
/// held to its limits, and an engine that is full says when to come back.
record TenantEngine(Engine engine, Duration retryAfter) implements Engine {
  @Override
  public int maxContext() {
    return engine.maxContext();
  }

  /// To be called by the request's thread.
  ///
  /// @throws HttpError if the caller asks for too much, or the engine has no room
  @Override
  public Outcome submit(GenerationRequest request, Consumer<GenerationEvent> listener) {
    var caller = Caller.current();
    caller.countPrompt(request.prompt().length);
    var outcome =
        engine.submit(
            request.withTenant(caller.tenant()),
            event -> {
              if (event instanceof GenerationEvent.Token) {
                caller.generated();
              }
              listener.accept(event);
            });
    if (outcome instanceof Outcome.Busy(var why)) {
      throw HttpError.tryLater(503, why, retryAfter);
    }
    return outcome;
  }

  @Override
  public Status status() {
    return engine.status();
  }

  /// The engine belongs to somebody else.
  @Override
  public void close() {}
}
