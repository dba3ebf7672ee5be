package io.dejavu.serve.bench.kv;

import io.dejavu.kv.KvMemory;
import io.dejavu.kv.LayerRange;
import io.dejavu.serve.bench.kv.BenchSequences.Part;
import io.dejavu.tensor.HostDevice;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;

/// Streams to disk as one would at first: each row of keys and of values of each head, layer and
/// token is written to its place. What packing is compared with.
final class FragmentFile implements KvStreamBench.Target {
  private final KvMemory memory;
  private final BenchSequences sequences;
  private final MemorySegment bytes;
  private final Path path;
  private final FileChannel channel;

  /// @param directory where a file is made, and deleted in the end
  FragmentFile(Path directory, KvMemory memory, BenchSequences sequences) throws IOException {
    this.memory = memory;
    this.sequences = sequences;
    this.bytes = HostDevice.segment(memory.cache(0).buffer());
    this.path = Files.createTempFile(directory, "dejavu-kv-", ".fragments");
    this.channel = FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE);
  }

  @Override
  public void send(LayerRange layers, List<Part> parts) {
    for (var part : parts) {
      FragmentTarget.forEachRow(
          memory, sequences.table(part.sequence()), layers, part, this::writeRow);
    }
  }

  private void writeRow(long offset, long length) {
    try {
      channel.write(bytes.asSlice(offset, length).asByteBuffer(), offset);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// What was sent is written.
  @Override
  public void await() {}

  @Override
  public int[] digests(int tokens) throws IOException {
    try (var copy = KvMemory.open(new HostDevice(), memory.layout())) {
      ByteBuffer all = HostDevice.segment(copy.cache(0).buffer()).asByteBuffer();
      while (all.hasRemaining() && channel.read(all, all.position()) > 0) {
        // The rest follows.
      }
      return sequences.digests(copy, tokens);
    }
  }

  @Override
  public void close() throws IOException {
    channel.close();
    Files.deleteIfExists(path);
  }
}
