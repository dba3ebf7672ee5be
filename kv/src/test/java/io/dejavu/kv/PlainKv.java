package io.dejavu.kv;

import io.dejavu.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.util.stream.IntStream;

/// Keys and values that differ in every byte, and where each of them lies and travels, said once
/// more in the plainest way.
public final class PlainKv {
  private PlainKv() {}

  /// One row of D elements.
  ///
  /// @param half 0: keys, 1: values
  public record Row(int layer, int half, int head, int token) {
    /// First byte, in a memory.
    long offset(KvLayout layout, int[] blocks) {
      int S = layout.blockTokens();
      long unit = (long) (layer - layout.layers().start()) * layout.blocks() + blocks[token / S];
      long row = (unit * 2 + half) * layout.kvHeads() + head - layout.heads().start();
      return (row * S + token % S) * rowBytes(layout);
    }

    /// What stands there.
    byte value(long sequence, int at) {
      long hash = sequence;
      for (int part : new int[] {layer, half, head, token, at}) {
        hash = (hash ^ part) * 0x9E3779B97F4A7C15L;
        hash ^= hash >>> 29;
      }
      return (byte) hash;
    }
  }

  public interface Visitor {
    void visit(Row row);
  }

  /// All rows of a slice, in wire order.
  public static void forEachRow(KvSlice slice, int wireTokens, Visitor visitor) {
    int firstChunk = slice.tokens().start() / wireTokens;
    int lastChunk = (slice.tokens().end() - 1) / wireTokens;
    for (int layer = slice.layers().start(); layer < slice.layers().end(); layer++) {
      for (int chunk = firstChunk; chunk <= lastChunk; chunk++) {
        int start = Math.max(slice.tokens().start(), chunk * wireTokens);
        int end = Math.min(slice.tokens().end(), (chunk + 1) * wireTokens);
        for (int half = 0; half < 2; half++) {
          for (int head = slice.heads().start(); head < slice.heads().end(); head++) {
            for (int token = start; token < end; token++) {
              visitor.visit(new Row(layer, half, head, token));
            }
          }
        }
      }
    }
  }

  /// Puts a sequence's slice into an image of a memory.
  public static void write(
      byte[] image, KvLayout layout, int[] blocks, KvSlice slice, long sequence) {
    forEachRow(
        slice,
        1,
        row -> {
          int offset = Math.toIntExact(row.offset(layout, blocks));
          for (int i = 0; i < rowBytes(layout); i++) {
            image[offset + i] = row.value(sequence, i);
          }
        });
  }

  /// The slice in wire order.
  public static byte[] wire(KvSlice slice, KvLayout layout, int wireTokens, long sequence) {
    var bytes = new byte[Math.toIntExact(layout.type().bytes(slice.elements(layout.headSize())))];
    var done = new int[1];
    forEachRow(
        slice,
        wireTokens,
        row -> {
          for (int i = 0; i < rowBytes(layout); i++) {
            bytes[done[0]++] = row.value(sequence, i);
          }
        });
    return bytes;
  }

  /// All bytes of a memory.
  public static byte[] image(KvMemory memory) {
    var bytes = new byte[Math.toIntExact(memory.layout().bytes())];
    memory.copyOut(allBlocks(memory), MemorySegment.ofArray(bytes));
    return bytes;
  }

  public static void fill(KvMemory memory, byte[] image) {
    memory.copyIn(MemorySegment.ofArray(image), allBlocks(memory));
  }

  private static int[] allBlocks(KvMemory memory) {
    return IntStream.range(0, memory.layout().blocks()).toArray();
  }

  public static int rowBytes(KvLayout layout) {
    return rowBytes(layout.type(), layout.headSize());
  }

  public static int rowBytes(DType type, int headSize) {
    return Math.toIntExact(type.bytes(headSize));
  }
}
