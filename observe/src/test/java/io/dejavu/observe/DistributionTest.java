package io.dejavu.observe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.SplittableRandom;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.Test;

final class DistributionTest {
  @Test
  void aValueIsInTheFirstBucketWhoseBoundItDoesNotExceed() {
    var values = new Distribution(new double[] {1, 2, 5});

    for (double value : new double[] {0, 1, 1.5, 2, 5, 5.001, 1e9}) {
      values.add(value);
    }

    assertThat(values.read().counts()).containsExactly(2, 2, 1, 2);
    assertThat(values.read().count()).isEqualTo(7);
    assertThat(values.read().sum()).isEqualTo(1e9 + 14.501);
  }

  @Test
  void aCoarserReadingIsWhatCoarserBucketsWouldHaveCounted() {
    double[] fine = {0.5, 1, 3, 10, 20};
    double[] coarse = {1, 2, 10};
    var both = new Distribution(fine, coarse);
    var direct = new Distribution(coarse);
    var random = new SplittableRandom(4711);

    for (int i = 0; i < 1000; i++) {
      double value = Math.floor(random.nextDouble(25) * 2) / 2; // often on a bound
      both.add(value);
      direct.add(value);
    }

    assertThat(both.read(coarse).counts()).isEqualTo(direct.read().counts());
    assertThat(both.read().count()).isEqualTo(1000);
  }

  @Test
  void whatWasNotCountedApartCannotBeRead() {
    var values = new Distribution(new double[] {1, 3});

    assertThatThrownBy(() -> values.read(new double[] {2}))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("2.0");
  }

  @Test
  void manyThreadsLoseNothing() throws InterruptedException {
    var values = new Distribution(new double[] {1});

    try (var threads = Executors.newFixedThreadPool(4)) {
      for (int i = 0; i < 4; i++) {
        threads.execute(
            () -> {
              for (int n = 0; n < 10_000; n++) {
                values.add(n % 2 * 2);
              }
            });
      }
    }

    assertThat(values.read().counts()).containsExactly(20_000, 20_000);
    assertThat(values.read().sum()).isEqualTo(40_000);
  }
}
