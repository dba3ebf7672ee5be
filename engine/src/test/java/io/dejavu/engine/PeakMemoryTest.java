package io.dejavu.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class PeakMemoryTest {
  @Test
  void oneSequenceNeedsAllItsTokens() {
    var peak = new PeakMemory();
    peak.add(10, 23);

    assertThat(peak.blocks(16)).isEqualTo(3);
    assertThat(new PeakMemory().blocks(16)).isZero();
  }

  @Test
  void sequencesThatEndEarlyMakeRoom() {
    var peak = new PeakMemory();
    peak.add(100, 10);
    peak.add(10, 100);

    // 10 steps on: 110 + 20; later the second alone has at most 110.
    assertThat(peak.blocks(1)).isEqualTo(130);
  }

  @Test
  void itIsWhatGrowingTokenByTokenNeeds() {
    for (int seed = 0; seed < 200; seed++) {
      var random = new SplittableRandom(seed);
      int count = 1 + random.nextInt(10);
      var held = random.ints(count, 1, 60).toArray();
      var left = random.ints(count, 0, 60).toArray();
      var peak = new PeakMemory();
      long most = 0;
      for (int i = 0; i < count; i++) {
        peak.add(held[i], left[i]);
      }
      for (int step = 0; step <= 60; step++) {
        long sum = 0;
        for (int i = 0; i < count; i++) {
          sum += step <= left[i] ? held[i] + step : 0;
        }
        most = Math.max(most, sum);
      }

      assertThat(peak.blocks(1)).as("seed %d", seed).isEqualTo(most);
      assertThat(peak.blocks(4)).as("seed %d", seed).isBetween(most / 4, most / 4 + count);
    }
  }
}
