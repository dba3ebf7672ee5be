package io.dejavu.serve.bench.kv;

import io.dejavu.kv.KvLayout;
import io.dejavu.kv.KvMemory;
import io.dejavu.kv.KvSlice;
import io.dejavu.kv.LayerRange;
import io.dejavu.kv.Regions;
import io.dejavu.kv.TokenRange;
import java.lang.foreign.Arena;
import java.util.stream.IntStream;
import java.util.zip.CRC32C;

/// The sequences of `bench kv stream` and where they lie in a memory: equally many blocks each, one
/// sequence after the other. Both processes compute it alike.
final class BenchSequences {
  private final KvLayout layout;
  private final int[][] tables;

  /// What a step computes of one of them.
  record Part(int sequence, TokenRange tokens) {}

  BenchSequences(KvLayout layout, int count) {
    int each = layout.blocks() / count;
    this.layout = layout;
    this.tables =
        IntStream.range(0, count)
            .mapToObj(i -> IntStream.range(i * each, (i + 1) * each).toArray())
            .toArray(int[][]::new);
  }

  KvLayout layout() {
    return layout;
  }

  int count() {
    return tables.length;
  }

  /// The blocks of one of them.
  int[] table(int sequence) {
    return tables[sequence];
  }

  Regions regions(LayerRange layers, Part part) {
    return Regions.of(
        layout,
        tables[part.sequence()],
        new KvSlice(layers, part.tokens(), layout.heads()),
        layout.blockTokens());
  }

  /// CRC32C of the first tokens of each, in wire order.
  int[] digests(KvMemory memory, int tokens) {
    var digests = new int[count()];
    for (int i = 0; i < digests.length; i++) {
      var regions = regions(layout.layers(), new Part(i, new TokenRange(0, tokens)));
      try (var arena = Arena.ofConfined()) {
        var copy = arena.allocate(regions.bytes());
        memory.gather(regions, copy);
        var crc = new CRC32C();
        crc.update(copy.asByteBuffer());
        digests[i] = (int) crc.getValue();
      }
    }
    return digests;
  }
}
