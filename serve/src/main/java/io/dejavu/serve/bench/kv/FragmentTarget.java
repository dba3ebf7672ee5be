package io.dejavu.serve.bench.kv;

import io.dejavu.kv.KvMemory;
import io.dejavu.kv.LayerRange;
import io.dejavu.serve.bench.kv.BenchSequences.Part;
import io.dejavu.tensor.Fragments;
import io.dejavu.tensor.HostDevice;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.util.List;

/// Streams as one would at first: each row of keys and of values of each head, layer and token is a
/// message that says where it belongs. What packing is compared with.
final class FragmentTarget implements KvStreamBench.Target {
  private final PlainLink link;
  private final KvMemory memory;
  private final BenchSequences sequences;
  private final MemorySegment bytes;

  FragmentTarget(PlainLink link, KvMemory memory, BenchSequences sequences) {
    this.link = link;
    this.memory = memory;
    this.sequences = sequences;
    this.bytes = HostDevice.segment(memory.cache(0).buffer());
  }

  @Override
  public void send(LayerRange layers, List<Part> parts) {
    for (var part : parts) {
      forEachRow(memory, sequences.table(part.sequence()), layers, part, this::sendRow);
    }
  }

  /// Each row of keys and of values.
  static void forEachRow(
      KvMemory memory, int[] blocks, LayerRange layers, Part part, Fragments.Visitor visitor) {
    var layout = memory.layout();
    long row = layout.type().bytes(layout.headSize());
    for (int layer = layers.start(); layer < layers.end(); layer++) {
      var cache = memory.cache(layer);
      for (int token = part.tokens().start(); token < part.tokens().end(); token++) {
        int block = blocks[token / layout.blockTokens()];
        long slot = token % layout.blockTokens() * row;
        for (int kvHead = 0; kvHead < layout.kvHeads(); kvHead++) {
          visitor.visit(cache.keys(block, kvHead) + slot, row);
          visitor.visit(cache.values(block, kvHead) + slot, row);
        }
      }
    }
  }

  private void sendRow(long offset, long length) {
    try {
      link.send(new PlainMessage.Row(offset), List.of(bytes.asSlice(offset, length)));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void await() throws IOException {
    link.send(new PlainMessage.Ask(), List.of());
    link.awaitAnswer();
  }

  @Override
  public int[] digests(int tokens) throws IOException {
    return link.peer().digests(tokens);
  }
}
