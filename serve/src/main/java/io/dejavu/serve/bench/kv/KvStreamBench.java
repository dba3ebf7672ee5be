package io.dejavu.serve.bench.kv;

import io.dejavu.kv.HeadRange;
import io.dejavu.kv.KvLayout;
import io.dejavu.kv.KvMemory;
import io.dejavu.kv.LayerRange;
import io.dejavu.kv.TokenRange;
import io.dejavu.model.Executor;
import io.dejavu.model.LayerListener;
import io.dejavu.model.Step;
import io.dejavu.model.StepResult;
import io.dejavu.serve.bench.kv.BenchSequences.Part;
import io.dejavu.tensor.Kernels;
import io.dejavu.tensor.SampleRow;
import io.dejavu.tensor.Sampling;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/// Measures what streaming keys and values away costs the side that computes them: some sequences,
/// their prompts one after the other and then token by token together, with nothing else to hide
/// behind (DéjàVu §3.3 and its figure of the library's ablation).
final class KvStreamBench implements AutoCloseable {
  private static final int FIRST_TOKEN = 3; // those before have a meaning in most vocabularies

  private final Executor executor;
  private final KvMemory memory;
  private final BenchSequences sequences;
  private final int prompt;
  private final List<List<Part>> prompts;

  /// How much of the library is used.
  enum Mode {
    OFF("nothing is streamed", false, false),
    NAIVE("naive: a message for each fragment", false, false),
    PACKED("packed: a message for each layer or step", false, false),
    LAYERS("+ the prompt layer by layer, meanwhile", true, false),
    ALL("+ tokens while the next is computed", true, true);

    final String text;

    /// Whether a layer of a prompt is streamed while the next is computed.
    final boolean overlapsPrompts;

    /// Whether a step is streamed while the next is computed.
    final boolean overlapsSteps;

    Mode(String text, boolean overlapsPrompts, boolean overlapsSteps) {
      this.text = text;
      this.overlapsPrompts = overlapsPrompts;
      this.overlapsSteps = overlapsSteps;
    }
  }

  /// Where keys and values are streamed to, in one way. For the thread that computes.
  interface Target extends AutoCloseable {
    /// Begins with new sequences.
    default void begin() throws IOException {}

    /// These are written and will not change. Of one step's tokens, the layers come in order; the
    /// model's last one completes the step.
    void send(LayerRange layers, List<Part> parts) throws IOException;

    /// Waits until the target has all complete steps.
    void await() throws IOException;

    /// Ends the sequences, and waits until the target has all of them.
    default void finish() throws IOException {
      await();
    }

    /// The checksums of what the target has, see {@link BenchSequences#digests}.
    int[] digests(int tokens) throws IOException;

    @Override
    default void close() throws IOException {}
  }

  /// Who streams what in a mode.
  ///
  /// @param steps in the end it has the prompts too
  record Targets(Target prompts, Target steps) {
    private static final Target NONE = new NoTarget();

    /// @param packed waits for what it sends
    /// @param meanwhile does not
    static Targets of(Mode mode, Target fragments, Target packed, Target meanwhile) {
      return switch (mode) {
        case OFF -> both(NONE);
        case NAIVE -> both(fragments);
        case PACKED -> both(packed);
        case LAYERS -> new Targets(meanwhile, packed);
        case ALL -> both(meanwhile);
      };
    }

    static Targets both(Target target) {
      return new Targets(target, target);
    }
  }

  /// One run.
  ///
  /// @param promptNanos until the first tokens, and, unless steps overlap, the target has the
  ///   prompts
  /// @param stepNanos median of the steps after them
  /// @param nanos of it all, until the target has everything
  record Run(long promptNanos, long stepNanos, long nanos) {
    /// All steps, and what is streamed after them.
    long stepsNanos() {
      return nanos - promptNanos;
    }
  }

  /// @param prompt tokens of each
  /// @param tokens to be generated of each at most
  KvStreamBench(Executor executor, Kernels kernels, int count, int prompt, int tokens) {
    this.executor = executor;
    this.prompt = prompt;
    int each = KvLayout.blocksFor(prompt + tokens, KvLayout.BLOCK_TOKENS);
    var layout = layout(executor, Math.multiplyExact(each, count));
    this.sequences = new BenchSequences(layout, count);
    this.memory = KvMemory.open(kernels.device(), layout);
    this.prompts = promptSteps(count, prompt, executor.limits().tokens());
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

  /// Prompts in order, as many as a step takes together; only one that no step takes is cut.
  static List<List<Part>> promptSteps(int count, int prompt, int stepTokens) {
    var steps = new ArrayList<List<Part>>();
    int room = 0;
    for (int sequence = 0; sequence < count; sequence++) {
      for (int start = 0; start < prompt; start += stepTokens) {
        var tokens = new TokenRange(start, Math.min(prompt, start + stepTokens));
        if (tokens.count() > room) {
          steps.add(new ArrayList<>());
          room = stepTokens;
        }
        steps.getLast().add(new Part(sequence, tokens));
        room -= tokens.count();
      }
    }
    return steps;
  }

  KvMemory memory() {
    return memory;
  }

  BenchSequences sequences() {
    return sequences;
  }

  /// Bytes of all prompts' keys and values.
  long promptBytes() {
    var layout = memory.layout();
    long token = layout.unitBytes() / layout.blockTokens() * layout.layers().count();
    return token * prompt * sequences.count();
  }

  /// Most tokens times layers that are sent at once.
  long mostCells() {
    long layers = memory.layout().layers().count();
    return Math.max(executor.limits().tokens(), layers * sequences.count());
  }

  /// Generates, and streams in this way.
  ///
  /// @param generated tokens of each sequence, at most as many as there is room for
  /// @throws IOException if the target fails, or has something else than was computed
  Run run(Mode mode, Targets targets, int generated) throws IOException {
    var each = new long[generated - 1];
    long begin = System.nanoTime();
    targets.prompts.begin();
    if (!targets.steps.equals(targets.prompts)) {
      targets.steps.begin();
    }
    var drawn = prefill(mode, targets.prompts);
    long prompted = System.nanoTime();
    for (int i = 0; i < each.length; i++) {
      long stepBegin = System.nanoTime();
      drawn = step(mode, targets.steps, drawn, prompt + i);
      each[i] = System.nanoTime() - stepBegin;
    }
    targets.steps.finish();
    long end = System.nanoTime();
    if (mode != Mode.OFF) {
      compare(mode, targets.steps, prompt + each.length);
    }
    Arrays.sort(each);
    return new Run(prompted - begin, each[each.length / 2], end - begin);
  }

  private void compare(Mode mode, Target target, int written) throws IOException {
    var there = target.digests(written);
    var here = sequences.digests(memory, written);
    for (int i = 0; i < here.length; i++) {
      if (here[i] != there[i]) {
        throw new IOException(
            "%s, sequence %d: the target has keys and values with checksum %08x, here it is %08x"
                .formatted(mode, i, there[i], here[i]));
      }
    }
  }

  private int[] prefill(Mode mode, Target target) throws IOException {
    var drawn = new int[sequences.count()];
    var layers = memory.layout().layers();
    for (var parts : prompts) {
      if (mode.overlapsPrompts) {
        executor.tell(layer -> sendLayer(target, layer, parts));
      }
      var result = compute(parts.stream().map(this::promptPart).toList());
      executor.tell(LayerListener.NONE);
      for (int i = 0; i < parts.size(); i++) {
        drawn[parts.get(i).sequence()] = result.parts().get(i).token();
      }
      if (!mode.overlapsPrompts) {
        for (int layer = layers.start(); layer < layers.end(); layer++) {
          sendLayer(target, layer, parts);
        }
        target.await();
      }
    }
    if (mode.overlapsPrompts && !mode.overlapsSteps) {
      target.finish();
    }
    return drawn;
  }

  private static void sendLayer(Target target, int layer, List<Part> parts) {
    try {
      target.send(new LayerRange(layer, layer + 1), parts);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private Step.Part promptPart(Part part) {
    var tokens = part.tokens();
    // Each token and each sequence another one: what is mixed up has another checksum.
    int range = executor.sizes().vocabulary() - FIRST_TOKEN;
    var ids =
        IntStream.range(tokens.start(), tokens.end())
            .map(position -> FIRST_TOKEN + (7 * position + 31 * part.sequence()) % range)
            .toArray();
    var table = sequences.table(part.sequence());
    return tokens.end() < prompt
        ? Step.Part.prefill(ids, tokens.start(), table)
        : Step.Part.draw(ids, tokens.start(), table, greedy(tokens.end()));
  }

  private int[] step(Mode mode, Target target, int[] last, int position) throws IOException {
    var tokens = new TokenRange(position, position + 1);
    var parts = new ArrayList<Part>();
    var work = new ArrayList<Step.Part>();
    for (int i = 0; i < last.length; i++) {
      parts.add(new Part(i, tokens));
      work.add(
          Step.Part.draw(new int[] {last[i]}, position, sequences.table(i), greedy(position + 1)));
    }
    var result = compute(work);
    target.send(memory.layout().layers(), parts);
    if (!mode.overlapsSteps) {
      target.await();
    }
    return result.parts().stream().mapToInt(StepResult.Part::token).toArray();
  }

  private StepResult compute(List<Step.Part> parts) {
    return executor.run(new Step(parts));
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
