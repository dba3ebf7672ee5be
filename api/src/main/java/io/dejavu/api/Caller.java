package io.dejavu.api;

import io.helidon.http.HeaderName;
import io.helidon.http.HeaderNames;
import io.helidon.webserver.http.ServerResponse;
import java.time.Duration;

/// Whose request a thread serves: in scope while it does. Belongs to that thread, except
/// [#generated].
///
/// @param tenant the name of its key; empty if the server asks for none
record Caller(String tenant, RateLimiter limiter, ServerResponse response) {
  private static final ScopedValue<Caller> CURRENT = ScopedValue.newInstance();

  /// Who asked for what the calling thread does.
  static Caller current() {
    return CURRENT.get();
  }

  ScopedValue.Carrier scope() {
    return ScopedValue.where(CURRENT, this);
  }

  /// @throws HttpError if this request is one too many
  void countRequest() {
    if (limiter.limitsRequests()) {
      long now = System.nanoTime();
      var excess = limiter.request(tenant, now);
      tell(Meter.REQUESTS, limiter.requests(tenant, now));
      excess.ifPresent(Caller::refuse);
    }
  }

  /// @throws HttpError if the prompt is too much
  void countPrompt(int tokens) {
    if (limiter.limitsTokens()) {
      long now = System.nanoTime();
      var excess = limiter.prompt(tenant, tokens, now);
      tell(Meter.TOKENS, limiter.tokens(tenant, now));
      excess.ifPresent(Caller::refuse);
    }
  }

  /// A token was generated. Called by the engine's thread.
  void generated() {
    limiter.generated(tenant, System.nanoTime());
  }

  private static void refuse(RateLimiter.Excess excess) {
    var patience = excess.patience();
    throw patience == null
        ? new HttpError(429, "rate_limit_error", excess.why(), null, "rate_limit_exceeded")
        : HttpError.tryLater(429, excess.why(), patience);
  }

  private void tell(Meter meter, RateLimiter.Standing standing) {
    response.header(meter.limit, Long.toString(standing.limit()));
    response.header(meter.remaining, Long.toString(standing.remaining()));
    response.header(meter.reset, text(standing.reset()));
  }

  /// The headers of OpenAI's rate limits.
  private enum Meter {
    REQUESTS("requests"),
    TOKENS("tokens");

    final HeaderName limit;
    final HeaderName remaining;
    final HeaderName reset;

    Meter(String name) {
      limit = HeaderNames.create("x-ratelimit-limit-" + name);
      remaining = HeaderNames.create("x-ratelimit-remaining-" + name);
      reset = HeaderNames.create("x-ratelimit-reset-" + name);
    }
  }

  /// As OpenAI writes it: `120ms`, `7s`, `6m0s`; rounded up.
  static String text(Duration time) {
    long millis = Math.ceilDiv(time.toNanos(), 1_000_000L);
    if (millis < 1000) {
      return millis + "ms";
    }
    long seconds = Math.ceilDiv(millis, 1000L);
    return seconds < 60 ? seconds + "s" : "%dm%ds".formatted(seconds / 60, seconds % 60);
  }
}
