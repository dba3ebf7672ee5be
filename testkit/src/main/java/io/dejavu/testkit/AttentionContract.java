package io.dejavu.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import io.dejavu.tensor.Attention;
import io.dejavu.tensor.DType;
import io.dejavu.tensor.KvCache;
import io.dejavu.tensor.RaggedBatch;
import io.dejavu.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/// The part of {@link KernelsContract} about attention.
interface AttentionContract extends Comparison {
  /// A layer's shape.
  record Layer(
      int heads,
      int kvHeads,
      int headSize,
      int window,
      boolean slopes,
      DType type,
      int blockTokens) {
    float scale() {
      return (float) (2 / Math.sqrt(headSize));
    }
  }

  /// A sequence in a batch. Its keys, values and queries depend on `id` and position alone.
  ///
  /// @param context tokens it has
  /// @param rows how many of them are computed
  record Sequence(int id, int context, int rows) {}

  @Test
  default void attentionOfAnyLayer() {
    var layers =
        List.of(
            new Layer(4, 4, 64, 0, false, DType.F32, 16),
            new Layer(8, 2, 64, 0, false, DType.BF16, 16),
            new Layer(6, 2, 128, 0, false, DType.BF16, 32),
            new Layer(3, 3, 80, 0, false, DType.F32, 16),
            new Layer(5, 1, 20, 0, true, DType.BF16, 8),
            new Layer(2, 1, 1, 0, false, DType.F32, 1),
            new Layer(4, 2, 33, 0, true, DType.F32, 16),
            new Layer(4, 2, 32, 1, false, DType.BF16, 16),
            new Layer(4, 1, 32, 100, false, DType.F32, 256),
            new Layer(9, 1, 16, 300, true, DType.BF16, 64));
    for (var layer : layers) {
      for (var batch :
          List.of(
              List.of(new Sequence(1, 1, 1)),
              List.of(new Sequence(1, 17, 17), new Sequence(2, 255, 1)),
              List.of(new Sequence(1, 256, 3), new Sequence(2, 257, 1), new Sequence(3, 258, 9)),
              List.of(new Sequence(1, 530, 2), new Sequence(2, 40, 33), new Sequence(3, 5, 0)),
              List.<Sequence>of())) {
        assertAgrees(layer + " " + batch, 1e-5, t -> attend(t, layer, batch, 4711 + batch.size()));
      }
    }
  }

  @Test
  default void attentionToScoresFarApart() {
    var layer = new Layer(2, 1, 16, 0, true, DType.F32, 16);
    assertAgrees(
        "steep slopes", 1e-5, t -> attend(t, layer, List.of(new Sequence(1, 600, 5)), 1, 3f));
  }

  @Test
  default void aRowOfAttentionStandsAlone() {
    for (var layer :
        List.of(
            new Layer(4, 4, 16, 0, false, DType.F32, 16),
            new Layer(6, 2, 24, 0, true, DType.BF16, 16),
            new Layer(4, 1, 8, 70, false, DType.F32, 32),
            new Layer(8, 1, 40, 0, false, DType.BF16, 8))) {
      var length = 300;
      var alone = new int[length][];
      try (var kernels = open(1)) {
        for (int p = 0; p < length; p += p < 20 || p > 250 ? 1 : 7) {
          try (var t = new TestTensors(kernels, false)) {
            alone[p] = t.readInts(attend(t, layer, List.of(new Sequence(1, p + 1, 1)), p))[0];
          }
        }
      }
      for (int threads = 1; threads <= 3; threads++) {
        try (var kernels = open(threads)) {
          for (int chunk : new int[] {1, 2, 3, 5, 16, 33, 64, 100, 129, 300}) {
            // Chunks of one token: some of them are enough.
            for (int end = chunk; end <= length; end += chunk == 1 ? 23 : chunk) {
              var batch =
                  List.of(
                      new Sequence(2, 31 * threads, 7),
                      new Sequence(1, end, chunk),
                      new Sequence(3, 280, 1));
              try (var t = new TestTensors(kernels, false)) {
                var got = t.readInts(attend(t, layer, batch, chunk));
                for (int r = 0; r < chunk; r++) {
                  if (alone[end - chunk + r] != null) {
                    assertThat(got[7 + r])
                        .as(
                            "%s: position %d in a chunk of %d, %d threads",
                            layer, end - chunk + r, chunk, threads)
                        .isEqualTo(alone[end - chunk + r]);
                  }
                }
              }
            }
          }
        }
      }
    }
  }

  private static Tensor attend(TestTensors t, Layer layer, List<Sequence> batch, long shuffle) {
    return attend(t, layer, batch, shuffle, 0.05f);
  }

  /// @param shuffle how blocks are dealt to sequences
  private static Tensor attend(
      TestTensors t, Layer layer, List<Sequence> batch, long shuffle, float slope) {
    var size = layer.blockTokens();
    var width = layer.kvHeads() * layer.headSize();
    var tables = tables(batch, size, shuffle);
    var blocks = Arrays.stream(tables).mapToInt(row -> row.length).sum() + 3;
    var stride = 2L * size * layer.type().bytes(width) + 64;
    // What was never written must not matter, not even NaN.
    var floats = Math.toIntExact(Math.ceilDiv(blocks * stride + 64, 4));
    var memory = t.room(1, floats);
    var cache =
        new KvCache(
            memory.buffer(), 64, stride, layer.type(), layer.kvHeads(), size, layer.headSize());

    var starts = new int[batch.size() + 1];
    var contexts = new int[batch.size()];
    var slots = new ArrayList<Integer>();
    var positions = new ArrayList<Integer>();
    var queries = new ArrayList<float[]>();
    for (int s = 0; s < batch.size(); s++) {
      var sequence = batch.get(s);
      contexts[s] = sequence.context();
      starts[s + 1] = starts[s] + sequence.rows();
      fill(t, sequence, tables[s], cache, width);
      for (int p = sequence.context() - sequence.rows(); p < sequence.context(); p++) {
        positions.add(p);
        slots.add(tables[s][p / size] * size + p % size);
        queries.add(TestTensors.numbers(900 + sequence.id(), p, layer.heads() * layer.headSize()));
      }
    }
    var rows = queries.size();
    var q = t.floats(queries.toArray(float[][]::new), layer.heads() * layer.headSize());
    var out = t.room(rows, layer.heads() * layer.headSize());
    var ragged =
        new RaggedBatch(
            batch.size(),
            rows,
            Arrays.stream(contexts).max().orElse(0),
            t.ints(starts),
            t.ints(contexts),
            tensorOf(t, tables),
            t.ints(positions.stream().mapToInt(i -> i).toArray()),
            t.ints(slots.stream().mapToInt(i -> i).toArray()));
    var slopes = new float[1][layer.heads()];
    for (int h = 0; h < layer.heads(); h++) {
      slopes[0][h] = slope * (h + 1);
    }
    var kind =
        new Attention(
            layer.heads(),
            layer.scale(),
            layer.window(),
            layer.slopes() ? t.floats(slopes, layer.heads()) : null);
    t.kernels().attention(q, cache, ragged, kind, out);
    return out;
  }

  private static void fill(
      TestTensors t, Sequence sequence, int[] table, KvCache cache, int width) {
    var slots = new int[sequence.context()];
    for (int p = 0; p < slots.length; p++) {
      slots[p] = table[p / cache.blockTokens()] * cache.blockTokens() + p % cache.blockTokens();
    }
    t.kernels()
        .append(
            t.random(300 + sequence.id(), slots.length, width),
            t.random(600 + sequence.id(), slots.length, width),
            t.ints(slots),
            cache);
  }

  private static int[][] tables(List<Sequence> batch, int blockTokens, long shuffle) {
    var blocks = new ArrayList<Integer>();
    var total = batch.stream().mapToInt(s -> Math.ceilDiv(s.context(), blockTokens)).sum();
    var random = new SplittableRandom(shuffle);
    for (int b = 0; b < total; b++) {
      blocks.add(random.nextInt(b + 1), b + 2);
    }
    var next = blocks.iterator();
    var tables = new int[batch.size()][];
    for (int s = 0; s < tables.length; s++) {
      tables[s] = new int[Math.ceilDiv(batch.get(s).context(), blockTokens)];
      Arrays.setAll(tables[s], _ -> next.next());
    }
    return tables;
  }

  /// Rows filled up with a block that does not exist.
  private static Tensor tensorOf(TestTensors t, int[][] tables) {
    var most = Arrays.stream(tables).mapToInt(row -> row.length).max().orElse(1);
    var values = new int[tables.length][];
    for (int s = 0; s < tables.length; s++) {
      values[s] = Arrays.copyOf(tables[s], most);
      Arrays.fill(values[s], tables[s].length, most, Integer.MAX_VALUE);
    }
    return t.ints(values, most);
  }
}
