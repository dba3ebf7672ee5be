package io.dejavu.api;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.function.BooleanSupplier;

/// For what other threads do in their own time.
final class Waiting {
  private Waiting() {}

  static void until(BooleanSupplier condition) throws InterruptedException {
    long end = System.nanoTime() + Duration.ofSeconds(10).toNanos();
    while (!condition.getAsBoolean()) {
      assertThat(System.nanoTime()).as("not within 10 s").isLessThan(end);
      Thread.sleep(5);
    }
  }
}
