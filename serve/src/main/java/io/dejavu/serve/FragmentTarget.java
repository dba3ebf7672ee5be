package io.dejavu.serve;

import io.dejavu.kv.KvMemory;
import io.dejavu.kv.KvSlice;
import io.dejavu.kv.LayerRange;
import io.dejavu.kv.TokenRange;
import io.dejavu.serve.KvStreamBench.Mode;
import io.dejavu.tensor.Fragments;
import io.dejavu.tensor.HostDevice;
import io.dejavu.transport.Connection;
import io.dejavu.transport.Deadline;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/// Streams as one would at first: each row of keys and of values of each head, layer and token is a
/// message that says where it belongs. What packing is compared with.
final class FragmentTarget implements KvStreamBench.Target {
  /// Of the connection.
  static final String NAME = "fragments";

  private final KvPeer peer;
  private final Connection connection;
  private final KvMemory memory;
  private final MemorySegment bytes;
  private final MemorySegment head = MemorySegment.ofArray(new byte[Head.BYTES]);
  private int[] blocks = {};
  private long request = 1L << 32;

  /// What a message is.
  ///
  /// @param value of `ROW` the first byte in the memory, of `END` the tokens
  /// @param slice of `PACKED`, whose body is in wire order: its layers and tokens, from and to
  record Head(Kind kind, long request, long value, int[] slice) {
    static final int BYTES = 40;

    enum Kind {
      ROW(1),
      ASK(2),
      END(3),
      PACKED(4);

      final int code;

      Kind(int code) {
        this.code = code;
      }

      static Kind of(int code) {
        return switch (code) {
          case 1 -> ROW;
          case 2 -> ASK;
          case 3 -> END;
          default -> PACKED;
        };
      }
    }

    static Head read(MemorySegment head) {
      return new Head(
          Kind.of(head.get(ValueLayout.JAVA_INT_UNALIGNED, 0)),
          head.get(ValueLayout.JAVA_LONG_UNALIGNED, 8),
          head.get(ValueLayout.JAVA_LONG_UNALIGNED, 16),
          head.asSlice(24, 16).toArray(ValueLayout.JAVA_INT_UNALIGNED));
    }

    LayerRange layers() {
      return new LayerRange(slice[0], slice[1]);
    }

    TokenRange tokens() {
      return new TokenRange(slice[2], slice[3]);
    }
  }

  FragmentTarget(KvPeer peer, KvMemory memory) throws IOException {
    this.peer = peer;
    this.connection = peer.connect(NAME);
    this.memory = memory;
    this.bytes = HostDevice.segment(memory.cache(0).buffer());
  }

  @Override
  public void begin(Mode mode, int[] blocks) {
    this.blocks = blocks;
    request++;
  }

  @Override
  public void send(LayerRange layers, TokenRange tokens) {
    forEachRow(memory, blocks, layers, tokens, this::sendRow);
  }

  /// Each row of keys and of values.
  static void forEachRow(
      KvMemory memory,
      int[] blocks,
      LayerRange layers,
      TokenRange tokens,
      Fragments.Visitor visitor) {
    var layout = memory.layout();
    long row = layout.type().bytes(layout.headSize());
    for (int layer = layers.start(); layer < layers.end(); layer++) {
      var cache = memory.cache(layer);
      for (int token = tokens.start(); token < tokens.end(); token++) {
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
      send(Head.Kind.ROW, offset, List.of(bytes.asSlice(offset, length)));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// Sends many at once.
  ///
  /// @param body of the slice, in wire order
  void sendPacked(KvSlice slice, List<MemorySegment> body) throws IOException {
    int[] ends = {
      slice.layers().start(), slice.layers().end(), slice.tokens().start(), slice.tokens().end()
    };
    MemorySegment.copy(ends, 0, head, ValueLayout.JAVA_INT_UNALIGNED, 24, ends.length);
    send(Head.Kind.PACKED, 0, body);
  }

  private void send(Head.Kind kind, long value, List<MemorySegment> body) throws IOException {
    head.set(ValueLayout.JAVA_INT_UNALIGNED, 0, kind.code);
    head.set(ValueLayout.JAVA_LONG_UNALIGNED, 8, request);
    head.set(ValueLayout.JAVA_LONG_UNALIGNED, 16, value);
    connection.send(head, body, Deadline.in(KvPeer.PATIENCE));
  }

  @Override
  public void commit(int tokens) {}

  @Override
  public void await(int tokens) throws IOException {
    send(Head.Kind.ASK, 0, List.of());
    if (connection.receive(Deadline.in(KvPeer.PATIENCE)) == null) {
      throw new IOException("the peer does not answer");
    }
  }

  @Override
  public void finish(int tokens) throws IOException {
    await(tokens);
  }

  @Override
  public int digest(int tokens) throws IOException {
    send(Head.Kind.END, tokens, List.of());
    return peer.digest(request);
  }

  @Override
  public void close() {
    connection.close();
  }
}
