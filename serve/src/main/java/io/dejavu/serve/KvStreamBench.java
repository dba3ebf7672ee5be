package io.dejavu.serve;

import io.dejavu.kv.HeadRange;
import io.dejavu.kv.KvLayout;
import io.dejavu.kv.KvMemory;
import io.dejavu.kv.KvSlice;
import io.dejavu.kv.LayerRange;
import io.dejavu.kv.Regions;
import io.dejavu.kv.TokenRange;
import io.dejavu.model.Executor;
import io.dejavu.model.LayerListener;
import io.dejavu.model.Step;
import io.dejavu.tensor.Kernels;
import io.dejavu.tensor.SampleRow;
import io.dejavu.tensor.Sampling;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.zip.CRC32C;

/// Measures what streaming keys and values away costs the side that computes them: one sequence, a
/// prompt and then token by token, with nothing else to hide behind (DéjàVu §3.3 and its figure of
/// the library's ablation).
final class KvStreamBench implements AutoCloseable {
  private static final int PROMPT_TOKEN = 3; // which one makes no difference to the time

  private final Executor executor;
  private final KvMemory memory;
  private final int prompt;
  private final int[] blocks;

  /// How much of the library is used.
  enum Mode {
    OFF("nothing is streamed"),
    NAIVE("naive: a message for each fragment"),
    PACKED("packed: a message for each layer, each step"),
    LAYERS("+ the prompt layer by layer, meanwhile"),
    ALL("+ tokens while the next is computed");

    final String text;

    Mode(String text) {
      this.text = text;
    }
  }

  /// Where keys and values are streamed to.
  interface Target extends AutoCloseable {
    /// Begins with a new request.
    ///
    /// @param blocks of the sequence, as many as it will need
    void begin(Mode mode, int[] blocks) throws IOException;

    /// These are written and will not change.
    void send(LayerRange layers, TokenRange tokens);

    /// All layers of the tokens before `tokens` were sent.
    void commit(int tokens);

    /// Waits until the target has them.
    void await(int tokens) throws IOException;

    /// Ends the request and waits until the target has all of it.
    void finish(int tokens) throws IOException;

    /// The checksum of what the target has, see {@link KvStreamBench#digest}.
    int digest(int tokens) throws IOException;

    @Override
    void close() throws IOException;
  }

  /// One run.
  ///
  /// @param promptNanos until the first token, and, unless tokens overlap, the target has the
  ///   prompt
  /// @param stepNanos median of the steps after it
  /// @param nanos of it all, until the target has everything
  record Run(Mode mode, long promptNanos, long stepNanos, long nanos) {}

  /// @param prompt tokens
  /// @param tokens to be generated at most
  KvStreamBench(Executor executor, Kernels kernels, int prompt, int tokens) {
    this.executor = executor;
    this.prompt = prompt;
    int count = KvLayout.blocksFor(prompt + tokens, KvLayout.BLOCK_TOKENS);
    this.blocks = IntStream.range(0, count).toArray();
    this.memory = KvMemory.open(kernels.device(), layout(executor, count));
    executor.use(IntStream.range(0, executor.sizes().layers()).mapToObj(memory::cache).toList());
  }

  private static KvLayout layout(Executor executor, int blocks) {
    var sizes = executor.sizes();
    return new KvLayout(
        new LayerRange(0, sizes.layers()),
        blocks,
        HeadRange.all(sizes.kvHeads()),
        KvLayout.BLOCK_TOKENS,
        sizes.headSize(),
        executor.kvType());
  }

  KvMemory memory() {
    return memory;
  }

  /// Generates, and streams in this way.
  ///
  /// @throws IOException if the target fails, or has something else than was computed
  ///
  /// @param generated how many tokens, at most as many as there is room for
  Run run(Mode mode, Target target, int generated) throws IOException {
    var steps = new long[generated - 1];
    long begin = System.nanoTime();
    if (mode != Mode.OFF) {
      target.begin(mode, blocks);
    }
    int last = prefill(mode, target);
    long prompted = System.nanoTime();
    for (int i = 0; i < steps.length; i++) {
      int position = prompt + i;
      long stepBegin = System.nanoTime();
      last = step(new int[] {last}, position, true);
      if (mode != Mode.OFF) {
        target.send(memory.layout().layers(), new TokenRange(position, position + 1));
        target.commit(position + 1);
      }
      if (mode != Mode.OFF && mode != Mode.ALL) {
        target.await(position + 1);
      }
      steps[i] = System.nanoTime() - stepBegin;
    }
    int written = prompt + steps.length;
    if (mode != Mode.OFF) {
      target.finish(written);
    }
    long end = System.nanoTime();
    if (mode != Mode.OFF) {
      compare(mode, target, written);
    }
    Arrays.sort(steps);
    return new Run(mode, prompted - begin, steps[steps.length / 2], end - begin);
  }

  private void compare(Mode mode, Target target, int written) throws IOException {
    int there = target.digest(written);
    int here = digest(memory, blocks, written);
    if (here != there) {
      throw new IOException(
          "%s: the target has keys and values with checksum %08x, here it is %08x"
              .formatted(mode, there, here));
    }
  }

  private int prefill(Mode mode, Target target) throws IOException {
    int chunk = executor.limits().tokens();
    int token = PROMPT_TOKEN;
    for (int start = 0; start < prompt; start += chunk) {
      var ids = new int[Math.min(chunk, prompt - start)];
      Arrays.fill(ids, PROMPT_TOKEN);
      var range = new TokenRange(start, start + ids.length);
      boolean overlaps = mode == Mode.LAYERS || mode == Mode.ALL;
      if (overlaps) {
        executor.tell(layer -> target.send(new LayerRange(layer, layer + 1), range));
      }
      token = step(ids, start, range.end() == prompt);
      executor.tell(LayerListener.NONE);
      if (overlaps) {
        target.commit(range.end());
      }
    }
    if (mode == Mode.NAIVE || mode == Mode.PACKED) {
      target.send(memory.layout().layers(), new TokenRange(0, prompt));
      target.commit(prompt);
    }
    if (mode != Mode.OFF && mode != Mode.ALL) {
      target.await(prompt);
    }
    return token;
  }

  private int step(int[] ids, int start, boolean draws) {
    int end = start + ids.length;
    var part =
        draws
            ? Step.Part.draw(
                ids,
                start,
                blocks,
                new SampleRow(Sampling.GREEDY, 0, end, new int[0], 0, new int[0]))
            : Step.Part.prefill(ids, start, blocks);
    return executor.run(new Step(List.of(part))).parts().getFirst().token();
  }

  /// CRC32C of a sequence's keys and values in wire order.
  static int digest(KvMemory memory, int[] blocks, int tokens) {
    var layout = memory.layout();
    var all = new KvSlice(layout.layers(), new TokenRange(0, tokens), layout.heads());
    var regions = Regions.of(layout, blocks, all, layout.blockTokens());
    try (var arena = Arena.ofConfined()) {
      var copy = arena.allocate(regions.bytes());
      memory.gather(regions, copy);
      var crc = new CRC32C();
      crc.update(copy.asByteBuffer());
      return (int) crc.getValue();
    }
  }

  /// Closes the executor too, which uses the memory.
  @Override
  public void close() {
    executor.close();
    memory.close();
  }
}
