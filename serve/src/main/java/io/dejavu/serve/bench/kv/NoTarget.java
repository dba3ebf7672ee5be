package io.dejavu.serve.bench.kv;

import io.dejavu.kv.LayerRange;
import io.dejavu.serve.bench.kv.BenchSequences.Part;
import java.util.List;

/// Streams nothing: what streaming is compared with.
final class NoTarget implements KvStreamBench.Target {
  @Override
  public void send(LayerRange layers, List<Part> parts) {}

  @Override
  public void await() {}

  @Override
  public int[] digests(int tokens) {
    return new int[0];
  }
}
