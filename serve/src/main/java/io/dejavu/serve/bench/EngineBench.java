package io.dejavu.serve.bench;

import io.dejavu.kv.HeadRange;
import io.dejavu.kv.KvLayout;
import io.dejavu.kv.KvMemory;
import io.dejavu.kv.LayerRange;
import io.dejavu.model.Executor;
import io.dejavu.model.Step;
import io.dejavu.tensor.Kernels;
import io.dejavu.tensor.SampleRow;
import io.dejavu.tensor.Sampling;
import io.dejavu.workload.Spread;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/// Measures a model's executor, without scheduler and HTTP: how fast prompts are computed and how
/// fast tokens are generated. What llama-bench measures, in the same way: prompts of one sequence
/// with the logits of the last token only, decoding from an empty context.
final class EngineBench implements AutoCloseable {
  private static final int PROMPT_TOKEN = 3; // which one makes no difference to the time

  private final Executor executor;
  private final KvMemory memory;
  private final int blocksPerSequence;
  private final Duration warmUp;

  /// A measured speed.
  ///
  /// @param name `pp512` or `tg48`
  /// @param sequences computed together
  /// @param samples tokens per second, of all sequences together, one per repetition
  record Result(String name, int sequences, List<Double> samples) {
    Spread spread() {
      return Spread.of(samples.stream().mapToDouble(Double::doubleValue).toArray());
    }
  }

  /// @param tokens most tokens of a sequence
  /// @param sequences most sequences together
  /// @param warmUp least time that each test runs before it is measured
  EngineBench(Executor executor, Kernels kernels, int tokens, int sequences, Duration warmUp) {
    this.executor = executor;
    this.warmUp = warmUp;
    this.blocksPerSequence = KvLayout.blocksFor(tokens, KvLayout.BLOCK_TOKENS);
    var sizes = executor.sizes();
    this.memory =
        KvMemory.open(
            kernels.device(),
            new KvLayout(
                new LayerRange(0, sizes.layers()),
                blocksPerSequence * sequences,
                HeadRange.all(sizes.kvHeads()),
                KvLayout.BLOCK_TOKENS,
                sizes.headSize(),
                executor.kvType()));
    executor.use(IntStream.range(0, sizes.layers()).mapToObj(memory::cache).toList());
  }

  /// A prompt of `tokens`.
  Result prompt(int tokens, int repetitions) {
    return measure("pp" + tokens, 1, tokens, repetitions, () -> prefill(tokens));
  }

  /// `tokens` of each of `sequences`.
  Result decode(int tokens, int sequences, int repetitions) {
    return measure(
        "tg" + tokens,
        sequences,
        (long) tokens * sequences,
        repetitions,
        () -> generate(tokens, sequences));
  }

  private Result measure(String name, int sequences, long tokens, int repetitions, Runnable test) {
    long start = System.nanoTime();
    do {
      test.run();
    } while (System.nanoTime() - start < warmUp.toNanos());
    var samples = new ArrayList<Double>();
    for (int i = 0; i < repetitions; i++) {
      long begin = System.nanoTime();
      test.run();
      samples.add(tokens / ((System.nanoTime() - begin) / 1e9));
    }
    return new Result(name, sequences, samples);
  }

  private void prefill(int tokens) {
    int chunk = executor.limits().tokens();
    for (int start = 0; start < tokens; start += chunk) {
      var ids = new int[Math.min(chunk, tokens - start)];
      Arrays.fill(ids, PROMPT_TOKEN);
      int end = start + ids.length;
      executor.run(
          new Step(
              List.of(
                  end < tokens
                      ? Step.Part.prefill(ids, start, blocks(0, end))
                      : Step.Part.draw(ids, start, blocks(0, end), greedy(end)))));
    }
  }

  private void generate(int tokens, int sequences) {
    var last = new int[sequences];
    Arrays.fill(last, PROMPT_TOKEN);
    for (int position = 0; position < tokens; position++) {
      var parts = new ArrayList<Step.Part>(sequences);
      for (int s = 0; s < sequences; s++) {
        parts.add(
            Step.Part.draw(
                new int[] {last[s]}, position, blocks(s, position + 1), greedy(position + 1)));
      }
      var result = executor.run(new Step(parts));
      for (int s = 0; s < sequences; s++) {
        last[s] = result.parts().get(s).token();
      }
    }
  }

  private int[] blocks(int sequence, int tokens) {
    int first = sequence * blocksPerSequence;
    return IntStream.range(first, first + KvLayout.blocksFor(tokens, KvLayout.BLOCK_TOKENS))
        .toArray();
  }

  private static SampleRow greedy(int position) {
    return new SampleRow(Sampling.GREEDY, 0, position, new int[0], 0, new int[0]);
  }

  /// Closes the executor too, which uses the memory.
  @Override
  public void close() {
    executor.close();
    memory.close();
  }
}
