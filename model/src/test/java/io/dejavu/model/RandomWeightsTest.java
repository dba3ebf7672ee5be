package io.dejavu.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.dejavu.tensor.DType;
import io.dejavu.tensor.MatrixSource;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class RandomWeightsTest {
  @Test
  void anElementDependsOnSeedNameAndPlaceAlone() {
    var one = weights(1, DType.F32);
    one.matrix("other", 5, 5).read(3, new float[5], 0);
    var expected = rows(one.matrix("w", 4, 64));

    assertThat(rows(weights(1, DType.F32).matrix("w", 4, 64))).isDeepEqualTo(expected);
    assertThat(rows(weights(2, DType.F32).matrix("w", 4, 64))[0]).isNotEqualTo(expected[0]);
    assertThat(rows(one.matrix("v", 4, 64))[0]).isNotEqualTo(expected[0]);
    assertThat(expected[1]).isNotEqualTo(expected[0]);
  }

  @Test
  void valuesAreTheSameOnEveryMachineAndInEveryVersion() {
    var row = new float[4];
    weights(42, DType.F32).matrix("model.layers.0.mlp.up_proj.weight", 8, 4).read(7, row, 0);

    assertThat(row).containsExactly(GOLDEN_ROW);
  }

  private static final float[] GOLDEN_ROW = {0.16960211f, -0.7150596f, 0.7130889f, 0.13148767f};

  @Test
  void matricesHaveMeanZeroAndDeviationOneOverTheRootOfTheirColumns() {
    for (int columns : new int[] {64, 2048}) {
      double sum = 0;
      double squares = 0;
      var rows = rows(weights(3, DType.F32).matrix("w", 300, columns));
      for (var row : rows) {
        for (float x : row) {
          sum += x;
          squares += (double) x * x;
        }
      }
      double n = 300.0 * columns;
      double deviation = 1 / Math.sqrt(columns);

      assertThat(sum / n).isCloseTo(0, within(0.03 * deviation));
      assertThat(Math.sqrt(squares / n)).isCloseTo(deviation, within(0.02 * deviation));
    }
  }

  @Test
  void rowsAndColumnsAreNotRelated() {
    var rows = rows(weights(4, DType.F32).matrix("w", 200, 1000));
    for (int lag = 1; lag < 5; lag++) {
      double columns = 0;
      double across = 0;
      for (int i = 0; i + lag < 200; i++) {
        for (int j = 0; j + lag < 1000; j++) {
          columns += rows[i][j] * rows[i][j + lag];
          across += rows[i][j] * rows[i + lag][j];
        }
      }
      // Products have deviation 1/1000 each; 200,000 of them 0.45 together.
      assertThat(columns).isBetween(-2.0, 2.0);
      assertThat(across).isBetween(-2.0, 2.0);
    }
  }

  @Test
  void valuesAreOfTheTypeThatIsClaimed() {
    for (float x : rows(weights(5, DType.BF16).matrix("w", 1, 1000))[0]) {
      assertThat(Float.floatToRawIntBits(x) & 0xffff).isZero();
    }
    for (float x : rows(weights(5, DType.F16).matrix("w", 1, 1000))[0]) {
      assertThat(Float.float16ToFloat(Float.floatToFloat16(x))).isEqualTo(x);
    }
    assertThat(weights(5, DType.BF16).type("w")).isEqualTo(DType.BF16);
  }

  @Test
  void normsAreOneAndBiasesSmall() {
    var weights = weights(6, DType.F32);

    assertThat(weights.vector("model.norm.weight", 3)).containsExactly(1, 1, 1);
    var bias = weights.vector("h.0.attn.c_attn.bias", 1000);
    assertThat(Arrays.equals(bias, new float[1000])).isFalse();
    for (float x : bias) {
      assertThat(x).isBetween(-0.02f, 0.02f);
    }
  }

  @Test
  void itKnowsWhatWasAskedFor() {
    var weights = weights(7, DType.F32);
    assertThatThrownBy(() -> weights.shape("w")).isInstanceOf(IllegalStateException.class);

    weights.matrix("w", 2, 3);

    assertThat(weights.names()).containsExactly("w");
    assertThat(weights.shape("w")).containsExactly(2, 3);
    assertThatThrownBy(() -> weights.matrix("w", 2, 3).read(2, new float[3], 0))
        .isInstanceOf(IndexOutOfBoundsException.class);
  }

  @Test
  void aConfigSaysWhatThereIs() {
    var tied = Config.parse("{\"dtype\":\"bfloat16\",\"tie_word_embeddings\":true}", "config.json");
    var apart = Config.parse("{\"tie_word_embeddings\":false}", "config.json");

    assertThat(RandomWeights.of(tied, 1).has("lm_head.weight")).isFalse();
    assertThat(RandomWeights.of(tied, 1).has("model.norm.weight")).isTrue();
    assertThat(RandomWeights.of(tied, 1).type("x")).isEqualTo(DType.BF16);
    assertThat(RandomWeights.of(apart, 1).has("lm_head.weight")).isTrue();
    assertThat(RandomWeights.of(apart, 1).type("x")).isEqualTo(DType.F32);
  }

  private static RandomWeights weights(long seed, DType type) {
    return new RandomWeights(seed, type, _ -> true);
  }

  private static float[][] rows(MatrixSource matrix) {
    var rows = new float[matrix.rows()][matrix.columns()];
    for (int i = 0; i < rows.length; i++) {
      matrix.read(i, rows[i], 0);
    }
    return rows;
  }
}
