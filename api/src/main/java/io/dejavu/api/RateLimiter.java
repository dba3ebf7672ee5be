package io.dejavu.api;

import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// Counts what each client asks for, against its [RateLimits]. A request is counted when it comes,
/// its prompt when it is handed to the engine, each token of the answer when it is generated: a
/// request that has begun is never cut off, the next one waits for it.
///
/// Time is an argument. Threads may share it; it knows as many clients as there are names of keys.
final class RateLimiter {
  private final RateLimits limits;
  private final Map<String, Budget> budgets = new HashMap<>(); // guarded by this

  private static final class Budget {
    TokenBucket requests;
    TokenBucket tokens;

    Budget(RateLimits limits, long now) {
      requests = TokenBucket.full(limits.requestsPerMinute(), now);
      tokens = TokenBucket.full(limits.tokensPerMinute(), now);
    }
  }

  /// Why something is too much.
  ///
  /// @param patience until it would not be; null: it always is
  record Excess(String why, @Nullable Duration patience) {}

  /// Where a client stands.
  ///
  /// @param reset until the bucket is full
  record Standing(long limit, long remaining, Duration reset) {
    private static Standing of(TokenBucket bucket) {
      return new Standing(
          (long) bucket.capacity(),
          (long) Math.max(0, Math.floor(bucket.level())),
          bucket.until(bucket.capacity()));
    }
  }

  RateLimiter(RateLimits limits) {
    this.limits = limits;
  }

  boolean limitsRequests() {
    return limits.requestsPerMinute() > 0;
  }

  boolean limitsTokens() {
    return limits.tokensPerMinute() > 0;
  }

  /// One request more.
  ///
  /// @return empty if it may go on
  synchronized Optional<Excess> request(String tenant, long now) {
    if (!limitsRequests()) {
      return Optional.empty();
    }
    var budget = budget(tenant, now);
    budget.requests = budget.requests.on(now);
    var wait = budget.requests.until(1);
    if (wait.isPositive()) {
      return Optional.of(
          new Excess(
              "the limit is %d requests per minute".formatted(limits.requestsPerMinute()), wait));
    }
    budget.requests = budget.requests.minus(1);
    return Optional.empty();
  }

  /// A prompt that is to be computed.
  ///
  /// @return empty if it may be
  synchronized Optional<Excess> prompt(String tenant, int tokens, long now) {
    if (!limitsTokens()) {
      return Optional.empty();
    }
    long limit = limits.tokensPerMinute();
    if (tokens > limit) {
      return Optional.of(
          new Excess(
              "the limit is %d tokens per minute, the prompt has %d".formatted(limit, tokens),
              null));
    }
    var budget = budget(tenant, now);
    budget.tokens = budget.tokens.on(now);
    var wait = budget.tokens.until(tokens);
    if (wait.isPositive()) {
      return Optional.of(
          new Excess(
              "the limit is %d tokens per minute, %d are left, the prompt has %d"
                  .formatted(limit, Standing.of(budget.tokens).remaining(), tokens),
              wait));
    }
    budget.tokens = budget.tokens.minus(tokens);
    return Optional.empty();
  }

  /// One more token of an answer.
  synchronized void generated(String tenant, long now) {
    if (limitsTokens()) {
      var budget = budget(tenant, now);
      budget.tokens = budget.tokens.on(now).minus(1);
    }
  }

  synchronized Standing requests(String tenant, long now) {
    return Standing.of(budget(tenant, now).requests.on(now));
  }

  synchronized Standing tokens(String tenant, long now) {
    return Standing.of(budget(tenant, now).tokens.on(now));
  }

  private Budget budget(String tenant, long now) {
    return budgets.computeIfAbsent(tenant, _ -> new Budget(limits, now));
  }
}
