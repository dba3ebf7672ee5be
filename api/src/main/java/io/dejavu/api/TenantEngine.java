package io.dejavu.api;

import io.dejavu.engine.Engine;
import io.dejavu.engine.GenerationEvent;
import io.dejavu.engine.GenerationRequest;
import java.time.Duration;
import java.util.function.Consumer;

/// An engine as clients with API keys meet it: requests carry the name of their [Caller], who is
/// held to its limits, and what the engine does not take is answered with an [HttpError].
record TenantEngine(Engine engine, Duration retryAfter) {
  int maxContext() {
    return engine.maxContext();
  }

  /// Hands a request over. To be called by the request's thread.
  ///
  /// @param field that the prompt came from
  /// @param listener called by the engine's thread, in order; it must neither block nor throw
  /// @throws HttpError if the caller asks for too much, the request can never run here, or the
  ///   engine has no room
  Engine.Generation submit(
      String field, GenerationRequest request, Consumer<GenerationEvent> listener) {
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
    return switch (outcome) {
      case Engine.Outcome.Accepted(var generation) -> generation;
      case Engine.Outcome.Refused(var why) -> throw HttpError.invalid(field, why);
      case Engine.Outcome.Busy(var why) -> throw HttpError.tryLater(503, why, retryAfter);
    };
  }

  Engine.Status status() {
    return engine.status();
  }
}
