package io.dejavu.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class PooledRowsTest {
  private static final int WIDTH = 5;

  @Test
  void theMeanHasLengthOneAndTheDirectionOfTheSum() {
    var pooled = new PooledRows(Pooling.MEAN);
    pooled.add(0, 2, new float[] {1, 2, 0, 0});
    pooled.add(2, 1, new float[] {2, 2});

    assertThat(pooled.vector().orElseThrow())
        .containsExactly(new float[] {.6f, .8f}, within(1e-7f));
  }

  @Test
  void theLastRowAloneCounts() {
    var pooled = new PooledRows(Pooling.LAST);
    assertThat(pooled.wanted(7, false)).isZero();
    assertThat(pooled.wanted(7, true)).isEqualTo(1);
    pooled.add(41, 1, new float[] {3, -4});

    assertThat(pooled.vector().orElseThrow())
        .containsExactly(new float[] {.6f, -.8f}, within(1e-7f));
  }

  /// Chunks of any length, some of them computed again.
  @Test
  void chunksCannotBeToldFromTheVector() {
    for (long seed = 0; seed < 100; seed++) {
      var random = new SplittableRandom(seed);
      int tokens = 1 + random.nextInt(60);
      var rows = new float[tokens * WIDTH];
      for (int i = 0; i < rows.length; i++) {
        rows[i] = (float) random.nextGaussian() * (1 << random.nextInt(20));
      }
      var whole = new PooledRows(Pooling.MEAN);
      whole.add(0, tokens, rows);
      var pieces = new PooledRows(Pooling.MEAN);
      for (int from = 0; from < tokens; ) {
        int to = Math.min(tokens, from + 1 + random.nextInt(20));
        pieces.add(from, to - from, Arrays.copyOfRange(rows, from * WIDTH, to * WIDTH));
        from = random.nextInt(5) == 0 ? 0 : to; // preempted: from the start again
      }

      assertThat(pieces.vector().orElseThrow())
          .as("seed %d", seed)
          .isEqualTo(whole.vector().orElseThrow());
    }
  }

  @Test
  void rowsThatAreMissingAreNoticed() {
    var pooled = new PooledRows(Pooling.MEAN);

    assertThatThrownBy(() -> pooled.add(16, 1, new float[WIDTH]))
        .hasMessage("rows from position 16 on, those from 0 were not computed");
  }

  @Test
  void noVectorIsMadeOfNaNOrZeros() {
    for (float value : new float[] {0, Float.NaN, Float.POSITIVE_INFINITY}) {
      var pooled = new PooledRows(Pooling.MEAN);
      pooled.add(0, 1, new float[] {value, 0});

      assertThat(pooled.vector()).as("%s", value).isEmpty();
    }
  }
}
