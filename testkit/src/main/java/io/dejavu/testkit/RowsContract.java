package io.dejavu.testkit;

import io.dejavu.tensor.Activation;
import io.dejavu.tensor.DType;
import io.dejavu.tensor.KvCache;
import io.dejavu.tensor.Tensor;
import java.util.List;
import org.junit.jupiter.api.Test;

/// The part of {@link KernelsContract} about operations on single rows.
interface RowsContract extends Comparison {
  List<Integer> ROWS = List.of(0, 1, 2, 3, 7, 16, 17);
  List<Integer> COLUMNS = List.of(1, 3, 4, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 131, 2048);

  @Test
  default void selectCopiesRowsInAnyOrder() {
    for (int columns : COLUMNS) {
      assertAgrees(
          "select of " + columns,
          0,
          t -> {
            var x = t.random(1, 9, columns);
            var out = t.room(5, columns);
            t.kernels().select(x, t.ints(8, 0, 3, 3, 7), out);
            return out;
          });
    }
    assertRowsStandAlone(
        "select",
        (t, from, rows) -> {
          var out = t.room(rows, 2000);
          t.kernels().select(t.random(1, 40, 2000), count(t, from, rows), out);
          return out;
        });
  }

  @Test
  default void addAddsInPlace() {
    for (int rows : ROWS) {
      for (int columns : COLUMNS) {
        assertAgrees(
            "add [%d, %d]".formatted(rows, columns),
            0,
            t -> {
              var y = t.random(2, rows, columns);
              t.kernels().add(t.random(1, rows, columns), y);
              return y;
            });
      }
    }
  }

  @Test
  default void layerNormHasWeightAndBiasOrNot() {
    for (int rows : ROWS) {
      for (int columns : COLUMNS) {
        for (int kind = 0; kind < 4; kind++) {
          var weighted = kind % 2 == 1;
          var biased = kind / 2 == 1;
          assertAgrees(
              "layerNorm [%d, %d] weight %s, bias %s".formatted(rows, columns, weighted, biased),
              1e-5,
              t -> {
                var x = t.random(1, rows, columns);
                var out = biased ? t.room(rows, columns) : x;
                t.kernels()
                    .layerNorm(
                        x,
                        weighted ? t.random(2, 1, columns) : null,
                        biased ? t.random(3, 1, columns) : null,
                        1e-5f,
                        out);
                return out;
              });
        }
      }
    }
    assertRowsStandAlone(
        "layerNorm",
        (t, from, rows) -> {
          var out = t.room(rows, 1003);
          var x = t.random(1, from, rows, 1003);
          t.kernels().layerNorm(x, t.random(2, 1, 1003), t.random(3, 1, 1003), 1e-5f, out);
          return out;
        });
  }

  @Test
  default void rmsNormDividesRowsIntoVectors() {
    for (int rows : ROWS) {
      for (int columns : COLUMNS) {
        for (int vectors : new int[] {1, 3}) {
          assertAgrees(
              "rmsNorm [%d, %d × %d]".formatted(rows, vectors, columns),
              1e-5,
              t -> {
                var x = t.random(1, rows, vectors * columns);
                var out = vectors == 1 ? t.room(rows, columns) : x;
                t.kernels().rmsNorm(x, t.random(2, 1, columns), 1e-6f, out);
                return out;
              });
        }
      }
    }
    assertRowsStandAlone(
        "rmsNorm",
        (t, from, rows) -> {
          var x = t.random(1, from, rows, 2046);
          t.kernels().rmsNorm(x, t.random(2, 1, 341), 1e-6f, x);
          return x;
        });
  }

  @Test
  default void ropeTurnsPairsOfAllHeads() {
    for (int rows : ROWS) {
      for (int headSize : new int[] {2, 6, 16, 64, 80, 128}) {
        for (int turning : new int[] {2, headSize / 4 * 2, headSize}) {
          assertAgrees(
              "rope %d rows, D %d, R %d".formatted(rows, headSize, turning),
              2e-6,
              t -> rope(t, 0, rows, headSize, turning));
        }
      }
    }
    assertRowsStandAlone("rope", (t, from, rows) -> rope(t, from, rows, 80, 40));
  }

  private static Tensor rope(TestTensors t, int from, int rows, int headSize, int turning) {
    var frequencies = new float[1][turning / 2];
    for (int i = 0; i < turning / 2; i++) {
      frequencies[0][i] = (float) Math.pow(10000, -2.0 * i / turning);
    }
    var x = t.random(1, from, rows, 20 * headSize);
    var angles = t.room(rows, turning);
    t.kernels().ropeAngles(count(t, from, rows), t.floats(frequencies, turning / 2), angles);
    t.kernels().rope(x, angles, headSize);
    return x;
  }

  @Test
  default void ropeAnglesOfFarPositionsAreExact() {
    assertAgrees(
        "angles",
        1e-6,
        t -> {
          var out = t.room(4, 64);
          var positions = t.ints(0, 1, 4097, 131071);
          t.kernels().ropeAngles(positions, t.random(3, 1, 32), out);
          return out;
        });
  }

  @Test
  default void activationsBendEveryElement() {
    for (var activation : Activation.values()) {
      for (int rows : ROWS) {
        for (int columns : COLUMNS) {
          assertAgrees(
              "%s [%d, %d]".formatted(activation, rows, columns),
              1e-6,
              t -> {
                var x = t.random(1, rows, columns);
                t.kernels().activate(x, activation);
                return x;
              });
          assertAgrees(
              "gated %s [%d, %d]".formatted(activation, rows, columns),
              1e-6,
              t -> {
                var out = t.room(rows, columns);
                t.kernels().activateGated(t.random(1, rows, 2 * columns), activation, out);
                return out;
              });
        }
      }
      assertRowsStandAlone(
          activation.name(),
          (t, from, rows) -> {
            var out = t.room(rows, 1003);
            t.kernels().activateGated(t.random(1, from, rows, 2006), activation, out);
            return out;
          });
    }
  }

  @Test
  default void activationsHoldAlongTheWholeLine() {
    for (var activation : Activation.values()) {
      // Relative to the argument's size, so that both tails count.
      for (float most : new float[] {1, 4, 10, 30, 200}) {
        var x = new float[1][4001];
        for (int i = 0; i < x[0].length; i++) {
          x[0][i] = most * (i - 2000) / 2000;
        }
        assertAgrees(
            "%s up to %s".formatted(activation, most),
            5e-7 * most,
            t -> {
              var tensor = t.floats(x, x[0].length);
              t.kernels().activate(tensor, activation);
              return tensor;
            });
      }
    }
  }

  @Test
  default void appendWritesSlotsAndNothingElse() {
    for (var type : new DType[] {DType.F32, DType.BF16}) {
      for (int rows : ROWS) {
        for (int headSize : new int[] {1, 8, 20, 64}) {
          assertAgrees(
              "append of %d rows of %d to %s".formatted(rows, headSize, type),
              0,
              t -> {
                var stride = 2L * 3 * 4 * type.bytes(headSize) + 8;
                var elements = (int) (2 * 4 + 7 * stride / 4);
                var memory = t.random(9, 1, elements);
                var cache =
                    new KvCache(memory.buffer(), memory.offset() + 8, stride, type, 3, 4, headSize);
                var slots = new int[rows];
                for (int i = 0; i < rows; i++) {
                  slots[i] = (i * 11 + 5) % 28;
                }
                t.kernels()
                    .append(
                        t.random(1, rows, 3 * headSize),
                        t.random(2, rows, 3 * headSize),
                        t.ints(slots),
                        cache);
                return memory;
              });
        }
      }
    }
  }

  private static Tensor count(TestTensors t, int from, int rows) {
    var values = new int[rows];
    for (int i = 0; i < rows; i++) {
      values[i] = from + i;
    }
    return t.ints(values);
  }
}
