package io.dejavu.api;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class RateLimiterTest {
  private static final long SECOND = TimeUnit.SECONDS.toNanos(1);

  @Test
  void aBucketFillsAtItsRateAndNeverBeyondItsCapacity() {
    var empty = TokenBucket.full(60, 0).minus(60);

    assertThat(empty.until(1)).isEqualTo(Duration.ofSeconds(1));
    assertThat(empty.on(10 * SECOND).level()).isEqualTo(10);
    assertThat(empty.on(10 * SECOND).until(15)).isEqualTo(Duration.ofSeconds(5));
    assertThat(empty.on(10 * SECOND).until(10)).isZero();
    assertThat(empty.on(1000 * SECOND).level()).isEqualTo(60);
    assertThat(empty.on(10 * SECOND).on(5 * SECOND).level()).as("time goes back").isEqualTo(10);
  }

  /// Whatever is asked for, and when.
  @Test
  void noMinuteHasMoreThanTwiceTheRate() {
    for (long seed = 0; seed < 50; seed++) {
      var random = new SplittableRandom(seed);
      var limiter = new RateLimiter(new RateLimits(30, 0));
      var passed = new java.util.ArrayDeque<Long>();
      long now = random.nextLong();
      for (int i = 0; i < 2000; i++) {
        now += random.nextLong(4 * SECOND);
        if (limiter.request("a", now).isEmpty()) {
          passed.add(now);
        }
        long minuteAgo = now - 60 * SECOND;
        passed.removeIf(time -> time - minuteAgo < 0);
        assertThat(passed.size()).as("seed %d, request %d", seed, i).isLessThanOrEqualTo(60);
      }
    }
  }

  @Test
  void whoWaitsAsLongAsToldMayGoOn() {
    var limiter = new RateLimiter(new RateLimits(3, 0));
    for (int i = 0; i < 3; i++) {
      assertThat(limiter.request("a", 0)).isEmpty();
    }

    var excess = limiter.request("a", 0).orElseThrow();

    assertThat(excess.patience()).isEqualTo(Duration.ofSeconds(20));
    assertThat(excess.why()).isEqualTo("the limit is 3 requests per minute");
    assertThat(limiter.request("b", 0)).as("others are not concerned").isEmpty();
    assertThat(limiter.request("a", 20 * SECOND - 1)).isPresent();
    assertThat(limiter.request("a", 20 * SECOND)).isEmpty();
  }

  @Test
  void answersAreCountedTooAndMayOverdraw() {
    var limiter = new RateLimiter(new RateLimits(0, 60));
    assertThat(limiter.prompt("a", 50, 0)).isEmpty();
    for (int i = 0; i < 30; i++) {
      limiter.generated("a", 0);
    }

    assertThat(limiter.tokens("a", 0))
        .isEqualTo(new RateLimiter.Standing(60, 0, Duration.ofSeconds(80)));
    assertThat(limiter.prompt("a", 10, 0).orElseThrow().patience())
        .isEqualTo(Duration.ofSeconds(30));
    assertThat(limiter.prompt("a", 10, 30 * SECOND)).isEmpty();
  }

  @Test
  void aPromptThatNeverFitsIsToldSo() {
    var limiter = new RateLimiter(new RateLimits(0, 60));

    var excess = limiter.prompt("a", 61, 0).orElseThrow();

    assertThat(excess.patience()).isNull();
    assertThat(excess.why()).isEqualTo("the limit is 60 tokens per minute, the prompt has 61");
  }

  @Test
  void withoutLimitsEverythingPasses() {
    var limiter = new RateLimiter(RateLimits.NONE);
    for (int i = 0; i < 1000; i++) {
      assertThat(limiter.request("a", 0)).isEmpty();
      assertThat(limiter.prompt("a", Integer.MAX_VALUE, 0)).isEmpty();
      limiter.generated("a", 0);
    }
  }

  @Test
  void timesAreWrittenAsOpenAiDoes() {
    assertThat(Caller.text(Duration.ZERO)).isEqualTo("0ms");
    assertThat(Caller.text(Duration.ofNanos(1))).isEqualTo("1ms");
    assertThat(Caller.text(Duration.ofMillis(999))).isEqualTo("999ms");
    assertThat(Caller.text(Duration.ofMillis(1001))).isEqualTo("2s");
    assertThat(Caller.text(Duration.ofMinutes(6))).isEqualTo("6m0s");
  }
}
