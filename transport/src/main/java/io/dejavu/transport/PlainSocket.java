package io.dejavu.transport;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;

/// What one would write without this room: a blocking socket, large calls, no frames, no deadlines.
/// What {@link LinkBench} compares with.
final class PlainSocket implements AutoCloseable {
  private final SocketChannel channel;

  PlainSocket(SocketChannel channel) throws IOException {
    this.channel = channel;
    if (channel.supportedOptions().contains(StandardSocketOptions.TCP_NODELAY)) {
      channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
    }
  }

  void write(MemorySegment source, long piece, int count) throws IOException {
    long at = 0;
    for (int i = 0; i < count; i++) {
      ByteBuffer buffer = source.asSlice(at, piece).asByteBuffer();
      while (buffer.hasRemaining()) {
        channel.write(buffer);
      }
      at = at + 2 * piece > source.byteSize() ? 0 : at + piece;
    }
  }

  void read(MemorySegment target, long piece, int count) throws IOException {
    long at = 0;
    for (int i = 0; i < count; i++) {
      ByteBuffer buffer = target.asSlice(at, piece).asByteBuffer();
      while (buffer.hasRemaining()) {
        if (channel.read(buffer) < 0) {
          throw new IOException("the plain socket has ended");
        }
      }
      at = at + 2 * piece > target.byteSize() ? 0 : at + piece;
    }
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
