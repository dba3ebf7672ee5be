package io.dejavu.serve;

import io.dejavu.kv.KvMemory;
import io.dejavu.kv.KvSlice;
import io.dejavu.kv.LayerRange;
import io.dejavu.kv.Regions;
import io.dejavu.kv.TokenRange;
import io.dejavu.serve.KvStreamBench.Mode;
import io.dejavu.tensor.HostBuffer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;

/// Streams as {@link FragmentTarget} does, by the thread that computes, but packs what goes
/// together: a layer of the prompt, all layers of a step. The difference between the two is packing
/// and nothing else.
final class PackedTarget implements KvStreamBench.Target {
  private final FragmentTarget fragments;
  private final KvMemory memory;
  private final HostBuffer packed;
  private int[] blocks = {};

  /// @param tokens most that are sent at once
  PackedTarget(FragmentTarget fragments, KvMemory memory, int tokens) {
    var layout = memory.layout();
    long most = Math.max(tokens, layout.layers().count());
    this.fragments = fragments;
    this.memory = memory;
    this.packed = HostBuffer.allocate(most * layout.unitBytes() / layout.blockTokens(), 64);
  }

  @Override
  public void begin(Mode mode, int[] table) {
    blocks = table;
    fragments.begin(mode, table);
  }

  @Override
  public void send(LayerRange layers, TokenRange tokens) {
    if (tokens.count() == 1) {
      pack(layers, tokens);
    } else {
      for (int layer = layers.start(); layer < layers.end(); layer++) {
        pack(new LayerRange(layer, layer + 1), tokens);
      }
    }
  }

  private void pack(LayerRange layers, TokenRange tokens) {
    var slice = new KvSlice(layers, tokens, memory.layout().heads());
    var regions = Regions.of(memory.layout(), blocks, slice, memory.layout().blockTokens());
    var bytes = packed.segment().asSlice(0, regions.bytes());
    memory.gather(regions, bytes);
    try {
      fragments.sendPacked(slice, List.of(bytes));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void commit(int tokens) {}

  @Override
  public void await(int tokens) throws IOException {
    fragments.await(tokens);
  }

  @Override
  public void finish(int tokens) throws IOException {
    fragments.finish(tokens);
  }

  @Override
  public int digest(int tokens) throws IOException {
    return fragments.digest(tokens);
  }

  @Override
  public void close() {
    packed.close();
  }
}
