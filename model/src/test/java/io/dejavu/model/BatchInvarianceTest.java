package io.dejavu.model;

import static org.assertj.core.api.Assertions.assertThat;

import io.dejavu.backend.cpu.CpuKernels;
import io.dejavu.tensor.Kernels;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// The logits of a sequence are the same to the bit however its tokens are grouped into steps,
/// whatever else is in them, on any number of threads and stages.
class BatchInvarianceTest {
  /// More than {@link Kernels#SPLIT_TOKENS}, where the model has so many positions.
  private static final int TOKENS = 290;

  record Case(String checkpoint, String backend, Precision precision) {
    @Override
    public String toString() {
      return "%s on %s, %s %s"
          .formatted(checkpoint, backend, precision.compute(), precision.storage());
    }
  }

  static List<Case> cases() {
    var cases = new ArrayList<Case>();
    for (var backend : Backends.NAMES) {
      for (var checkpoint : List.of("opt", "bloom", "llama")) {
        cases.add(new Case(checkpoint, backend, Precision.FLOAT32));
      }
      cases.add(new Case("mistral-window", backend, Precision.FLOAT32));
    }
    for (var backend : CpuKernels.families()) {
      cases.add(new Case("llama", backend, Precision.BFLOAT16));
      cases.add(new Case("llama", backend, Precision.parse("float32", "int8")));
      cases.add(new Case("llama", backend, Precision.parse("auto", "int8")));
      cases.add(new Case("llama", backend, Precision.parse("auto", "int4")));
    }
    return cases;
  }

  /// One way to compute a sequence.
  private interface Way {
    float[][] logits(Sequence sequence);
  }

  /// @param tokens of the sequence under test
  /// @param others of three sequences beside it
  private record Sequence(TestModel model, int[] tokens, int[][] others) {}

  @ParameterizedTest
  @MethodSource("cases")
  void logitsDoNotDependOnChunksOrCompany(Case given) {
    var random = new Random(4711);
    try (var run = new Run(given, 1, 1)) {
      var tokens = tokens(random, Math.min(TOKENS, run.positions()));
      var others = new int[][] {tokens(random, 33), tokens(random, 5), tokens(random, 70)};
      var sequence = new Sequence(run.model, tokens, others);
      var expected = chunks(1).logits(sequence);

      assertSame("one chunk", chunks(tokens.length).logits(sequence), expected);
      assertSame("chunks of 7", chunks(7).logits(sequence), expected);
      assertSame("chunks of 100", chunks(100).logits(sequence), expected);
      assertSame(
          "prompt and decode", promptAndDecode(tokens.length - 9).logits(sequence), expected);
      assertSame("in company, by 1", inCompany(1).logits(sequence), expected);
      assertSame("in company, by 41", inCompany(41).logits(sequence), expected);
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void logitsDoNotDependOnThreadsOrStages(Case given) {
    var random = new Random(4712);
    float[][] expected = null;
    int[] tokens = null;
    for (int stages : List.of(1, 2, 4)) {
      for (int threads : Backends.threads(given.backend())) {
        try (var run = new Run(given, threads, stages)) {
          tokens = tokens == null ? tokens(random, Math.min(TOKENS, run.positions())) : tokens;
          var logits = chunks(64).logits(new Sequence(run.model, tokens, new int[0][]));
          if (expected == null) {
            expected = logits;
          }
          assertSame("%d stages, %d threads".formatted(stages, threads), logits, expected);
        }
      }
    }
  }

  private static final class Run implements AutoCloseable {
    final Kernels kernels;
    final Weights weights;
    final TestModel model;

    Run(Case given, int threads, int stages) {
      var checkpoint = Checkpoint.of(Golden.ROOT.resolve(given.checkpoint()));
      var architecture = Architectures.of(checkpoint.config());
      kernels = Backends.open(given.backend(), threads);
      weights = checkpoint.openWeights();
      // Three layers make three stages at most.
      model =
          TestModel.of(
              weights,
              architecture,
              kernels,
              given.precision(),
              Math.min(stages, architecture.sizes().layers()));
    }

    int positions() {
      return model.model().sizes().maxPositions();
    }

    @Override
    public void close() {
      model.close();
      weights.close();
      kernels.close();
    }
  }

  private static Way chunks(int size) {
    return sequence -> {
      var logits = new ArrayList<float[]>();
      var blocks = sequence.model.blocks(sequence.tokens.length);
      for (int from = 0; from < sequence.tokens.length; from += size) {
        var part = part(sequence.tokens, from, from + size, blocks);
        logits.addAll(List.of(sequence.model.logits(new Step(List.of(part)), 1 + size / 3)));
      }
      return logits.toArray(float[][]::new);
    };
  }

  /// A prompt in one chunk, then one token at a time: as in service.
  private static Way promptAndDecode(int prompt) {
    return sequence -> {
      var logits = new ArrayList<float[]>();
      var blocks = sequence.model.blocks(sequence.tokens.length);
      for (int from = 0; from < sequence.tokens.length; from = Math.max(prompt, from + 1)) {
        var part = part(sequence.tokens, from, Math.max(prompt, from + 1), blocks);
        logits.addAll(List.of(sequence.model.logits(new Step(List.of(part)), 100)));
      }
      return logits.toArray(float[][]::new);
    };
  }

  /// Between a sequence that is prefilled, one that decodes, and one that starts late.
  private static Way inCompany(int size) {
    return sequence -> {
      var model = sequence.model;
      var others = sequence.others;
      var blocks = model.blocks(sequence.tokens.length);
      var otherBlocks = Arrays.stream(others).map(other -> model.blocks(other.length)).toList();
      var done = new int[others.length];
      var logits = new ArrayList<float[]>();
      var round = 0;
      for (int from = 0; from < sequence.tokens.length; from += size, round++) {
        var parts = new ArrayList<Step.Part>();
        for (int i = 0; i < others.length; i++) {
          var next = Math.min(others[i].length, done[i] + 1 + 10 * i);
          if (round >= i && done[i] < next) {
            parts.add(
                Step.Part.prefill(
                    Arrays.copyOfRange(others[i], done[i], next), done[i], otherBlocks.get(i)));
            done[i] = next;
          }
        }
        parts.add(
            Math.min(round % 3, parts.size()), part(sequence.tokens, from, from + size, blocks));
        logits.addAll(List.of(model.logits(new Step(parts), 3)));
      }
      return logits.toArray(float[][]::new);
    };
  }

  /// The tokens `[from, to)`, with logits of each.
  private static Step.Part part(int[] tokens, int from, int to, int[] blocks) {
    var chunk = Arrays.copyOfRange(tokens, from, Math.min(to, tokens.length));
    return Step.Part.prefill(chunk, from, blocks).withTargets(new int[chunk.length], 0);
  }

  private static int[] tokens(Random random, int count) {
    return IntStream.range(0, count).map(_ -> random.nextInt(512)).toArray();
  }

  private static void assertSame(String what, float[][] actual, float[][] expected) {
    assertThat(actual).as(what).hasDimensions(expected.length, expected[0].length);
    for (int i = 0; i < expected.length; i++) {
      assertThat(Arrays.mismatch(actual[i], expected[i]))
          .as("%s: position %d, first different logit", what, i)
          .isEqualTo(-1);
    }
  }
}
