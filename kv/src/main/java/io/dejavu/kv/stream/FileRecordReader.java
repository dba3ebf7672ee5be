package io.dejavu.kv.stream;

import io.dejavu.kv.KvMemory;
import io.dejavu.kv.KvSlice;
import io.dejavu.kv.LayerRange;
import io.dejavu.kv.Regions;
import io.dejavu.kv.TokenRange;
import io.dejavu.kv.disk.KvFile;
import io.dejavu.kv.disk.KvFileException;
import io.dejavu.tensor.HostBuffer;
import java.io.IOException;

/// Reads the records of one request into a sequence's blocks, the oldest first: what a newer epoch
/// wrote again goes over what was before.
final class FileRecordReader implements AutoCloseable {
  private final KvFile file;
  private final KvMemory memory;
  private final int[] blocks;
  private final int wireTokens;
  private final long rowBytes;
  private final HostBuffer buffer;
  private final Coverage whole;

  /// @param memory with the file's layers and heads, and blocks of any size
  FileRecordReader(KvFile file, KvMemory memory, int[] blocks) {
    this.file = file;
    this.memory = memory;
    this.blocks = blocks;
    var layout = file.layout();
    wireTokens = layout.blockTokens();
    rowBytes = KvOffer.all(0, 0, layout, 1).tokenBytes();
    buffer = file.allocate(1);
    whole = new Coverage(layout.layers(), 0);
  }

  /// @throws IOException if it is torn, damaged, something else, or cannot be read: nothing is
  ///   copied then
  void read(FileRecord record) throws IOException {
    var label = file.readRecord(record.slot(), record.origin().content(), buffer);
    if (!label.slice().equals(record.slice())) {
      throw new KvFileException(
          "slot %d holds %s, not %s".formatted(record.slot(), label.slice(), record.slice()));
    }
    int end = end(record.slice().tokens());
    if (end > record.start()) {
      scatter(record.slice(), end);
      var counted = record.counted();
      var there = new TokenRange(record.start(), Math.min(counted.end(), end));
      whole.add(record.slice().layers(), there);
    }
  }

  /// Up to where there are blocks: all of it, or whole chunks of the wire order.
  private int end(TokenRange tokens) {
    long room = (long) blocks.length * memory.layout().blockTokens();
    return tokens.end() <= room ? tokens.end() : (int) (room - room % wireTokens);
  }

  /// A layer at a time: of each the tokens for which there are blocks come first.
  private void scatter(KvSlice slice, int end) {
    var tokens = new TokenRange(slice.tokens().start(), end);
    var payload = file.payload(buffer, 0);
    long layerBytes = slice.tokens().count() * rowBytes;
    for (int i = 0; i < slice.layers().count(); i++) {
      int layer = slice.layers().start() + i;
      var one = new KvSlice(new LayerRange(layer, layer + 1), tokens, slice.heads());
      var regions = Regions.of(memory.layout(), blocks, one, wireTokens);
      memory.scatter(payload.asSlice(i * layerBytes, regions.bytes()), regions);
    }
  }

  /// The first token of which some layer was not read.
  int complete() {
    return whole.complete();
  }

  @Override
  public void close() {
    buffer.close();
  }
}
