package io.dejavu.serve.bench.kv.survive;

import io.dejavu.keeper.KeeperClient;
import io.dejavu.keeper.OwnKeeper;
import io.dejavu.kv.HeadRange;
import io.dejavu.kv.KvLayout;
import io.dejavu.kv.KvMemory;
import io.dejavu.kv.LayerRange;
import io.dejavu.kv.kept.KeptLayout;
import io.dejavu.kv.kept.KeptMemory;
import io.dejavu.local.LoadedModel;
import io.dejavu.model.Executor;
import io.dejavu.model.Step;
import io.dejavu.tensor.SampleRow;
import io.dejavu.tensor.Sampling;
import io.dejavu.tensor.SharedFile;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// Generating in kept memory against private memory: the same steps in turn, at the end of the
/// longest context, where the keys and values of all sequences are read for each token. The kept
/// side commits and seals as a step loop does.
final class KeptSpeed {
  private static final int SEQUENCES = 8;
  private static final int MOST_CONTEXT = 4096;
  private static final int STEPS =
      KvLayout.BLOCK_TOKENS; // each sequence fills a block, which is sealed
  private static final int ROUNDS = 60;
  private static final int WARM_UP = 10;
  private static final int TOKEN = 5;

  private final Executor executor;
  private final KvLayout layout;
  private final int context;

  private KvLayout layout() {
    return layout;
  }

  private KeptSpeed(LoadedModel loaded) {
    executor = loaded.executor();
    var sizes = executor.sizes();
    context = Math.min(sizes.maxPositions(), MOST_CONTEXT);
    layout =
        new KvLayout(
            new LayerRange(0, sizes.layers()),
            SEQUENCES * perSequence(),
            HeadRange.all(sizes.kvHeads()),
            KvLayout.BLOCK_TOKENS,
            sizes.headSize(),
            executor.kvType());
  }

  private int perSequence() {
    return KvLayout.blocksFor(context, KvLayout.BLOCK_TOKENS);
  }

  /// Measures and prints.
  static void measure(LoadedModel loaded, PrintWriter out)
      throws IOException, InterruptedException {
    var speed = new KeptSpeed(loaded);
    try (var keeper = OwnKeeper.start("dejavu-speed");
        var client =
            KeeperClient.connect(keeper.socket(), "speed", Duration.ofSeconds(30), _ -> {})) {
      var kept = KeptLayout.of(speed.layout(), "speed", SEQUENCES, speed.context);
      long begin = System.nanoTime();
      var path = Path.of(client.hold("speed", kept.bytes()).path());
      long held = System.nanoTime();
      var file = SharedFile.open(path);
      long mapped = System.nanoTime();
      var memory = KeptMemory.create(file, kept);
      try (var own = KvMemory.open(loaded.kernels().device(), speed.layout());
          var shared = memory.keysAndValues(loaded.kernels().device())) {
        out.printf(
            "%d MiB of kept memory: made in %.0f ms, mapped and touched in %.0f ms%n",
            kept.bytes() >> 20, (held - begin) / 1e6, (mapped - held) / 1e6);
        speed.compare(own, shared, memory, out);
      }
    }
  }

  private void compare(KvMemory own, KvMemory shared, KeptMemory kept, PrintWriter out) {
    fill(own);
    fill(shared);
    var owns = new long[ROUNDS * STEPS];
    var keeps = new long[ROUNDS * STEPS];
    // The first rounds are not counted; whoever is first in one step is second in the next.
    for (int round = -WARM_UP; round < ROUNDS; round++) {
      for (int i = 0; i < STEPS; i++) {
        int position = context - STEPS + i;
        boolean ownFirst = (round + i) % 2 == 0;
        long first = ownFirst ? step(own, position, null) : step(shared, position, kept);
        long second = ownFirst ? step(shared, position, kept) : step(own, position, null);
        if (round >= 0) {
          owns[round * STEPS + i] = ownFirst ? first : second;
          keeps[round * STEPS + i] = ownFirst ? second : first;
        }
      }
    }
    out.printf(
        "%d sequences of %d tokens, %d steps in turn, median step: private %.2f ms, kept %.2f ms,"
            + " speed of kept to private %.3f (of the fastest tenths %.3f)%n",
        SEQUENCES,
        context,
        owns.length,
        quantile(owns, 0.5) / 1e6,
        quantile(keeps, 0.5) / 1e6,
        quantile(owns, 0.5) / quantile(keeps, 0.5),
        quantile(owns, 0.1) / quantile(keeps, 0.1));
  }

  private static double quantile(long[] values, double part) {
    return Arrays.stream(values).sorted().toArray()[(int) (values.length * part)];
  }

  private void use(KvMemory memory) {
    executor.use(IntStream.range(0, layout.layers().count()).mapToObj(memory::cache).toList());
  }

  private int[] blocks(int sequence, int tokens) {
    return IntStream.range(0, KvLayout.blocksFor(tokens, KvLayout.BLOCK_TOKENS))
        .map(i -> sequence * perSequence() + i)
        .toArray();
  }

  private void fill(KvMemory memory) {
    use(memory);
    int chunk = executor.limits().tokens();
    for (int sequence = 0; sequence < SEQUENCES; sequence++) {
      for (int start = 0; start < context; start += chunk) {
        var ids = new int[Math.min(chunk, context - start)];
        Arrays.fill(ids, TOKEN + sequence);
        executor.run(
            new Step(List.of(Step.Part.prefill(ids, start, blocks(sequence, start + ids.length)))));
      }
    }
  }

  /// A token of each sequence.
  ///
  /// @return nanoseconds
  private long step(KvMemory memory, int position, @Nullable KeptMemory kept) {
    use(memory);
    var tables = IntStream.range(0, SEQUENCES).mapToObj(s -> blocks(s, context)).toList();
    var parts = new ArrayList<Step.Part>(SEQUENCES);
    for (var table : tables) {
      var draw = new SampleRow(Sampling.GREEDY, 0, position + 1, new int[0], 0, new int[0]);
      parts.add(Step.Part.draw(new int[] {TOKEN}, position, table, draw));
    }
    long begin = System.nanoTime();
    executor.run(new Step(parts));
    if (kept != null) {
      var commit = kept.commit();
      for (int sequence = 0; sequence < SEQUENCES; sequence++) {
        commit.sequence(sequence, position, position + 1, tables.get(sequence));
      }
    }
    return System.nanoTime() - begin;
  }
}
