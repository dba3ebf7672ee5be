package io.dejavu.serve;

import io.dejavu.kv.KvMemory;
import io.dejavu.kv.LayerRange;
import io.dejavu.kv.TokenRange;
import io.dejavu.serve.KvStreamBench.Mode;
import io.dejavu.tensor.HostDevice;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/// Streams to disk as one would at first: each row of keys and of values of each head, layer and
/// token is written to its place. What packing is compared with.
final class FragmentFile implements KvStreamBench.Target {
  private final KvMemory memory;
  private final MemorySegment bytes;
  private final Path path;
  private final FileChannel channel;
  private int[] blocks = {};

  /// @param directory where a file is made, and deleted in the end
  FragmentFile(Path directory, KvMemory memory) throws IOException {
    this.memory = memory;
    this.bytes = HostDevice.segment(memory.cache(0).buffer());
    this.path = Files.createTempFile(directory, "dejavu-kv-", ".fragments");
    this.channel = FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE);
  }

  @Override
  public void begin(Mode mode, int[] table) {
    blocks = table;
  }

  @Override
  public void send(LayerRange layers, TokenRange tokens) {
    FragmentTarget.forEachRow(
        memory,
        blocks,
        layers,
        tokens,
        (offset, length) -> {
          try {
            channel.write(bytes.asSlice(offset, length).asByteBuffer(), offset);
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
        });
  }

  @Override
  public void commit(int tokens) {}

  @Override
  public void await(int tokens) {}

  @Override
  public void finish(int tokens) {}

  @Override
  public int digest(int tokens) throws IOException {
    try (var copy = KvMemory.open(new HostDevice(), memory.layout())) {
      ByteBuffer all = HostDevice.segment(copy.cache(0).buffer()).asByteBuffer();
      while (all.hasRemaining() && channel.read(all, all.position()) > 0) {
        // The rest follows.
      }
      return KvStreamBench.digest(copy, blocks, tokens);
    }
  }

  @Override
  public void close() throws IOException {
    channel.close();
    Files.deleteIfExists(path);
  }
}
