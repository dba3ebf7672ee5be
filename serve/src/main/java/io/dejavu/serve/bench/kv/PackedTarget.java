package io.dejavu.serve.bench.kv;

import io.dejavu.kv.KvMemory;
import io.dejavu.kv.LayerRange;
import io.dejavu.serve.bench.kv.BenchSequences.Part;
import io.dejavu.tensor.HostBuffer;
import java.io.IOException;
import java.util.List;

/// Streams as {@link FragmentTarget} does, by the thread that computes, but packs what is sent
/// together into one message: a layer of the prompt, all layers and sequences of a step. The
/// difference between the two is packing and nothing else.
final class PackedTarget implements KvStreamBench.Target {
  private final PlainLink link;
  private final KvMemory memory;
  private final BenchSequences sequences;
  private final HostBuffer packed;
  private boolean isAsked;

  /// @param cells most that are sent at once: tokens times layers
  PackedTarget(PlainLink link, KvMemory memory, BenchSequences sequences, long cells) {
    var layout = memory.layout();
    this.link = link;
    this.memory = memory;
    this.sequences = sequences;
    this.packed = HostBuffer.allocate(cells * layout.unitBytes() / layout.blockTokens(), 64);
  }

  @Override
  public void send(LayerRange layers, List<Part> parts) throws IOException {
    long bytes = 0;
    for (var part : parts) {
      var regions = sequences.regions(layers, part);
      memory.gather(regions, packed.segment().asSlice(bytes, regions.bytes()));
      bytes += regions.bytes();
    }
    // The question whether all has arrived travels with the last of it.
    isAsked = layers.end() == memory.layout().layers().end();
    link.send(
        new PlainMessage.Packed(layers, parts, isAsked),
        List.of(packed.segment().asSlice(0, bytes)));
  }

  @Override
  public void await() throws IOException {
    if (isAsked) {
      link.awaitAnswer();
      isAsked = false;
    }
  }

  @Override
  public int[] digests(int tokens) throws IOException {
    return link.peer().digests(tokens);
  }

  @Override
  public void close() {
    packed.close();
  }
}
