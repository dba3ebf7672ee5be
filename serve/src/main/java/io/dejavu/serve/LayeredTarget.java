package io.dejavu.serve;

import io.dejavu.kv.LayerRange;
import io.dejavu.kv.TokenRange;
import io.dejavu.serve.KvStreamBench.Mode;
import java.io.IOException;

/// Streams the prompt by the library, while it is computed, and each token after it by the thread
/// that computes.
final class LayeredTarget implements KvStreamBench.Target {
  private final StreamTarget streams;
  private final PackedTarget packed;
  private final int prompt;

  /// @param prompt tokens of it
  LayeredTarget(StreamTarget streams, PackedTarget packed, int prompt) {
    this.streams = streams;
    this.packed = packed;
    this.prompt = prompt;
  }

  @Override
  public void begin(Mode mode, int[] blocks) {
    streams.begin(mode, blocks);
    packed.begin(mode, blocks);
  }

  @Override
  public void send(LayerRange layers, TokenRange tokens) {
    if (tokens.end() <= prompt) {
      streams.send(layers, tokens);
    } else {
      packed.send(layers, tokens);
    }
  }

  @Override
  public void commit(int tokens) {
    if (tokens <= prompt) {
      streams.commit(tokens);
    }
  }

  @Override
  public void await(int tokens) throws IOException {
    if (tokens <= prompt) {
      streams.await(tokens);
    } else {
      packed.await(tokens);
    }
  }

  @Override
  public void finish(int tokens) throws IOException {
    streams.finish(prompt);
    packed.finish(tokens);
  }

  /// Both have put what they were sent into the same memory.
  @Override
  public int digest(int tokens) throws IOException {
    streams.digest(prompt);
    return packed.digest(tokens);
  }

  @Override
  public void close() {}
}
