package io.dejavu.serve.bench.kv;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.dejavu.kv.LayerRange;
import io.dejavu.serve.bench.kv.BenchSequences.Part;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

final class MeanwhileTargetTest {
  /// Fails at one layer.
  private static final class FullAt implements KvStreamBench.Target {
    final int full;
    final List<Integer> layers = new ArrayList<>();

    FullAt(int full) {
      this.full = full;
    }

    @Override
    public void send(LayerRange range, List<Part> parts) throws IOException {
      if (range.start() == full) {
        throw new IOException("no space left");
      }
      layers.add(range.start());
    }

    @Override
    public void await() {}

    @Override
    public int[] digests(int tokens) {
      return new int[0];
    }
  }

  private static void send(MeanwhileTarget target, int layers) throws IOException {
    for (int layer = 0; layer < layers; layer++) {
      target.send(new LayerRange(layer, layer + 1), List.of());
    }
  }

  @Test
  void everythingIsSentInOrderBeforeWaitingEnds() throws IOException {
    var there = new FullAt(-1);
    try (var target = new MeanwhileTarget(there)) {
      send(target, 10_000);
      target.finish();
    }

    assertThat(there.layers).hasSize(10_000).isSorted();
  }

  @Test
  void whatFailsInBetweenIsToldAtTheEnd() throws IOException {
    var there = new FullAt(3);
    try (var target = new MeanwhileTarget(there)) {
      send(target, 10_000); // more than may wait

      assertThatThrownBy(target::finish)
          .isInstanceOf(IOException.class)
          .hasStackTraceContaining("no space left");
    }
    assertThat(there.layers).containsExactly(0, 1, 2);
  }
}
