package io.dejavu.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.dejavu.tensor.Kernels;
import io.dejavu.tensor.Logprobs;
import io.dejavu.tensor.PlainKernels;
import io.dejavu.tensor.SampleRow;
import io.dejavu.tensor.Sampling;
import io.dejavu.tensor.Tensor;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/// The part of {@link KernelsContract} about drawing tokens and their probabilities.
interface SamplingContract extends Comparison {
  List<Integer> VOCABULARIES = List.of(1, 2, 7, 16, 17, 100, 255, 256, 257, 5003);

  @Test
  default void greedyTakesTheLargestAndTheLowestOfEquals() {
    for (int vocabulary : VOCABULARIES) {
      var logits = new float[4][];
      for (int r = 0; r < 4; r++) {
        logits[r] = TestTensors.numbers(1, r, vocabulary);
      }
      logits[1][vocabulary - 1] = 5;
      logits[2][0] = 7;
      logits[2][vocabulary / 2] = 7;
      logits[2][vocabulary - 1] = 7;
      Arrays.fill(logits[3], -3);

      var tokens = draw(logits, Sampling.GREEDY);

      assertThat(tokens[0]).isEqualTo(largest(logits[0]));
      assertThat(tokens[1]).isEqualTo(vocabulary - 1);
      assertThat(tokens[2]).isEqualTo(0);
      assertThat(tokens[3]).isEqualTo(0);
    }
  }

  @Test
  default void noTokenIsDrawnFromNan() {
    for (var sampling :
        List.of(Sampling.GREEDY, sampling(1, 0, 1, 0), sampling(0.7f, 5, 0.9f, 0))) {
      for (int vocabulary : VOCABULARIES) {
        for (int at : new int[] {0, vocabulary / 2, vocabulary - 1}) {
          var logits =
              new float[][] {
                TestTensors.numbers(1, 0, vocabulary), TestTensors.numbers(1, 1, vocabulary)
              };
          logits[0][at] = Float.NaN;

          var tokens = draw(logits, sampling);

          assertThat(tokens[0]).as("NaN at %d of %d, %s", at, vocabulary, sampling).isEqualTo(-1);
          assertThat(tokens[1]).isBetween(0, vocabulary - 1);
        }
      }
    }
  }

  @Test
  default void drawsAreThoseOfThePlainSampler() {
    for (var sampling :
        List.of(
            sampling(1, 0, 1, 0),
            sampling(0.3f, 0, 1, 0),
            sampling(5, 0, 1, 0),
            sampling(1, 1, 1, 0),
            sampling(1, 3, 1, 0),
            sampling(2, 50, 1, 0),
            sampling(1, 0, 0.5f, 0),
            sampling(0.7f, 0, 0.95f, 0),
            sampling(1, 0, 1, 0.1f),
            sampling(1.5f, 40, 0.9f, 0.05f),
            sampling(1, 0, 1e-6f, 0))) {
      for (int vocabulary : VOCABULARIES) {
        assertDrawsLikePlain(sampling, vocabulary, new int[0], 0, new int[0]);
      }
    }
  }

  @Test
  default void penaltiesBiasAndBansCountFirst() {
    var bias = Map.of(3, 2f, 99, -100f, 0, 0.5f);
    var tokens = new int[] {5, 5, 7, 9, 5, 11, 11, 98};
    for (var sampling :
        List.of(
            new Sampling(0, 0, 1, 0, 1.3f, 0, 0, Map.of()),
            new Sampling(1, 0, 1, 0, 0.8f, 0, 0, Map.of()),
            new Sampling(1, 0, 1, 0, 1, 0.7f, 0.2f, Map.of()),
            new Sampling(0, 0, 1, 0, 1, 0, 0, bias),
            new Sampling(1, 10, 0.9f, 0, 1.1f, 0.5f, 0.1f, bias))) {
      assertDrawsLikePlain(sampling, 100, tokens, 4, new int[0]);
      assertDrawsLikePlain(sampling, 100, tokens, 0, new int[] {2, 3, 4, 60});
    }
    var logits = new float[][] {{1, 2, 3}};
    try (var kernels = open(1);
        var t = new TestTensors(kernels, false)) {
      var row = new SampleRow(Sampling.GREEDY, 1, 1, new int[0], 0, new int[] {2, 1});
      var out = t.integerRoom(1, 1);
      var tensor = t.floats(logits, 3);

      kernels.sample(tensor, new SampleRow[] {row}, out);

      assertThat(t.readInts(out)[0][0]).isZero();
      assertThat(t.read(tensor)).as("logits stay as they are").isDeepEqualTo(logits);
    }
  }

  @Test
  default void onlyAllowedTokensAreDrawn() {
    var tokens = new int[] {5, 5, 7, 9, 5, 11, 11, 98};
    for (var sampling :
        List.of(
            Sampling.GREEDY,
            sampling(1, 0, 1, 0),
            sampling(1, 3, 1, 0),
            sampling(1, 40, 0.9f, 0.05f),
            sampling(1, 0, 0.5f, 0),
            sampling(1, 0, 1, 0.3f),
            new Sampling(1, 10, 0.9f, 0, 1.3f, 0.5f, 0.1f, Map.of(7, 90f, 64, 1f)))) {
      for (var allowed :
          List.of(
              bits(100, 7, 9, 64, 99),
              bits(100, 0),
              bits(100, 63, 64),
              bits(300, IntStream.range(0, 300).filter(i -> i % 3 != 0).toArray()),
              bits(50, IntStream.range(0, 50).toArray()))) {
        for (var banned : new int[][] {{}, {7, 9, 1}}) {
          assertDrawsLikePlain(sampling, 100, tokens, 4, banned, allowed);
        }
      }
    }
  }

  @Test
  default void whatIsNotAllowedCountsForNothing() {
    // The likeliest, and whatever it weighs, are not among those that top-k, top-p and min-p count.
    var logits = new float[][] {{50, 2, 1, 60, -3, 70}};
    var allowed = bits(6, 1, 2, 4);
    for (var sampling :
        List.of(
            Sampling.GREEDY, sampling(1, 1, 1, 0), sampling(1, 0, 0.1f, 0), sampling(1, 0, 1, 1))) {
      assertThat(draw(logits, sampling, new int[0], allowed)).as("%s", sampling).isEqualTo(1);
    }
    assertThat(draw(logits, Sampling.GREEDY, new int[] {1}, allowed)).isEqualTo(2);
    assertThat(draw(logits, sampling(5, 0, 1, 0), new int[0], bits(6, 4))).isEqualTo(4);
    assertThat(draw(logits, sampling(1, 2, 1, 0), new int[] {4}, bits(6, 4)))
        .as("nothing left")
        .isEqualTo(-1);
    assertThat(draw(logits, Sampling.GREEDY, new int[0], new long[0])).isEqualTo(-1);
  }

  private int draw(float[][] logits, Sampling sampling, int[] banned, long[] allowed) {
    try (var kernels = open(1)) {
      return draw(
          kernels,
          logits,
          new SampleRow[] {new SampleRow(sampling, 1, 1, new int[0], 0, banned, allowed)})[0];
    }
  }

  private static long[] bits(int size, int... ids) {
    var bits = new long[(size + Long.SIZE - 1) / Long.SIZE];
    for (int id : ids) {
      bits[id / Long.SIZE] |= 1L << id;
    }
    return bits;
  }

  private void assertDrawsLikePlain(
      Sampling sampling, int vocabulary, int[] tokens, int promptTokens, int[] banned) {
    assertDrawsLikePlain(sampling, vocabulary, tokens, promptTokens, banned, null);
  }

  private void assertDrawsLikePlain(
      Sampling sampling,
      int vocabulary,
      int[] tokens,
      int promptTokens,
      int[] banned,
      long @Nullable [] allowed) {
    var count = 60;
    var logits = new float[count][];
    var rows = new SampleRow[count];
    for (int r = 0; r < count; r++) {
      logits[r] = TestTensors.numbers(2, r % 5, vocabulary);
      for (int i = 0; i < vocabulary; i++) {
        logits[r][i] *= 4;
      }
      rows[r] = new SampleRow(sampling, 1000 + r, 7 * r, tokens, promptTokens, banned, allowed);
    }
    int[] wanted;
    int[] got;
    try (var plain = new PlainKernels();
        var kernels = open(2)) {
      wanted = draw(plain, logits, rows);
      got = draw(kernels, logits, rows);
    }
    if (allowed != null) {
      for (int token : got) {
        assertThat(token == -1 || (allowed[token / Long.SIZE] >>> token & 1) != 0).isTrue();
      }
    }
    // Where the random number falls on an edge between two tokens, rounding decides.
    var different = IntStream.range(0, count).filter(r -> wanted[r] != got[r]).count();
    assertThat(different).as("%s of %d: %s", sampling, vocabulary, different).isLessThan(2);
  }

  @Test
  default void aDrawStandsAlone() {
    for (var sampling : List.of(sampling(1, 0, 1, 0), sampling(0.8f, 40, 0.9f, 0.01f))) {
      assertRowsStandAlone(
          sampling.toString(),
          (t, from, rows) -> {
            var out = t.integerRoom(1, rows);
            var draws = new SampleRow[rows];
            for (int r = 0; r < rows; r++) {
              draws[r] = new SampleRow(sampling, 5, from + r, new int[0], 0, new int[0]);
            }
            t.kernels().sample(t.random(1, from, rows, 2003), draws, out);
            return transposed(out);
          });
    }
  }

  /// A dense row as a column, for comparison row by row.
  private static Tensor transposed(Tensor row) {
    return new Tensor(row.buffer(), row.offset(), row.type(), row.columns(), 1, 1);
  }

  @Test
  default void drawsFollowTheDistribution() {
    var vocabulary = 50;
    var draws = 20_000;
    var batch = 500;
    var logits = TestTensors.numbers(3, 0, vocabulary);
    var counts = new int[vocabulary];
    try (var kernels = open(2)) {
      for (int from = 0; from < draws; from += batch) {
        var rows = new SampleRow[batch];
        var same = new float[batch][];
        for (int r = 0; r < batch; r++) {
          same[r] = logits;
          rows[r] = new SampleRow(sampling(0.5f, 0, 1, 0), 42, from + r, new int[0], 0, new int[0]);
        }
        for (int token : draw(kernels, same, rows)) {
          counts[token]++;
        }
      }
    }

    var total = 0.0;
    for (float logit : logits) {
      total += Math.exp(logit / 0.5);
    }
    var chi = 0.0;
    for (int i = 0; i < vocabulary; i++) {
      var expected = draws * Math.exp(logits[i] / 0.5) / total;
      chi += (counts[i] - expected) * (counts[i] - expected) / expected;
    }
    // 49 degrees of freedom: above 85 once in a thousand, and the seed is fixed.
    assertThat(chi).isLessThan(85);
  }

  @Test
  default void logprobsOfTargetsAndOfTheLikeliest() {
    for (int vocabulary : VOCABULARIES) {
      var top = Math.min(5, vocabulary);
      try (var plain = new PlainKernels();
          var reference = new TestTensors(plain, false);
          var kernels = open(2)) {
        var wanted = logprobs(reference, vocabulary, top);
        for (var strided : new boolean[] {false, true}) {
          try (var t = new TestTensors(kernels, strided)) {
            var got = logprobs(t, vocabulary, top);

            assertThat(t.readInts(got.ranks())).isDeepEqualTo(reference.readInts(wanted.ranks()));
            assertThat(t.readInts(got.topIds())).isDeepEqualTo(reference.readInts(wanted.topIds()));
            assertClose(t.read(got.chosen()), reference.read(wanted.chosen()));
            assertClose(t.read(got.topValues()), reference.read(wanted.topValues()));
            t.checkGaps();
          }
        }
      }
    }
  }

  private static Logprobs logprobs(TestTensors t, int vocabulary, int top) {
    var logits = new float[6][];
    var targets = new int[6];
    for (int r = 0; r < 6; r++) {
      logits[r] = TestTensors.numbers(4, r, vocabulary);
      targets[r] = (r * 37 + 5) % vocabulary;
      for (int i = 0; i < vocabulary; i++) {
        // Few different numbers, so that there are equals.
        logits[r][i] = r % 2 == 0 ? 8 * logits[r][i] : Math.round(3 * logits[r][i]);
      }
    }
    var out =
        new Logprobs(t.room(1, 6), t.integerRoom(1, 6), t.integerRoom(6, top), t.room(6, top));
    t.kernels().logprobs(t.floats(logits, vocabulary), t.ints(targets), out);
    return out;
  }

  private static void assertClose(float[][] got, float[][] wanted) {
    for (int r = 0; r < wanted.length; r++) {
      for (int i = 0; i < wanted[r].length; i++) {
        assertThat(got[r][i]).as("row %d, %d", r, i).isCloseTo(wanted[r][i], within(1e-5f));
      }
    }
  }

  @Test
  default void logprobsOfARowStandAlone() {
    assertRowsStandAlone(
        "logprobs",
        (t, from, rows) -> {
          var out =
              new Logprobs(
                  t.room(1, rows), t.integerRoom(1, rows), t.integerRoom(rows, 3), t.room(rows, 3));
          t.kernels().logprobs(t.random(1, from, rows, 2003), t.ints(new int[rows]), out);
          return out.topValues();
        });
  }

  private static Sampling sampling(float temperature, int topK, float topP, float minP) {
    return new Sampling(temperature, topK, topP, minP, 1, 0, 0, Map.of());
  }

  private int[] draw(float[][] logits, Sampling sampling) {
    var rows = new SampleRow[logits.length];
    for (int r = 0; r < rows.length; r++) {
      rows[r] = new SampleRow(sampling, 9, r, new int[0], 0, new int[0]);
    }
    try (var kernels = open(2)) {
      return draw(kernels, logits, rows);
    }
  }

  private static int[] draw(Kernels kernels, float[][] logits, SampleRow[] rows) {
    try (var t = new TestTensors(kernels, true)) {
      var out = t.integerRoom(1, rows.length);
      kernels.sample(t.floats(logits, logits[0].length), rows, out);
      var tokens = t.readInts(out)[0];
      t.checkGaps();
      return tokens;
    }
  }

  private static int largest(float[] values) {
    return IntStream.range(0, values.length)
        .reduce((a, b) -> values[b] > values[a] ? b : a)
        .orElseThrow();
  }
}
