package io.dejavu.transport;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ClosedSelectorException;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/// Bytes over a socket. The channel does not block, and each direction has a selector of its own to
/// wait at: so a wait ends at its deadline and leaves the connection as it is, and while there are
/// bytes or there is room, nothing is called but read and write.
final class SocketLink implements ByteLink {
  private final SocketChannel channel;
  private volatile String peer;
  private final Selector readable;
  private final Selector writable;
  private boolean isDrained = true;

  private SocketLink(SocketChannel channel, Selector readable, Selector writable, String peer) {
    this.channel = channel;
    this.readable = readable;
    this.writable = writable;
    this.peer = peer;
  }

  /// @param channel connected; this owns it from now on, and closes it if it fails
  /// @param peer what to call the other side
  static SocketLink open(SocketChannel channel, String peer) throws IOException {
    List<AutoCloseable> opened = new ArrayList<>(List.of(channel));
    try {
      channel.configureBlocking(false);
      Selector readable = Selector.open();
      opened.add(readable);
      Selector writable = Selector.open();
      opened.add(writable);
      channel.register(readable, SelectionKey.OP_READ);
      channel.register(writable, SelectionKey.OP_WRITE);
      return new SocketLink(channel, readable, writable, peer);
    } catch (IOException | RuntimeException e) {
      opened.forEach(Closing::quietly);
      throw e;
    }
  }

  @Override
  public void write(ByteBuffer[] parts, Deadline deadline) throws ConnectionLost {
    try {
      int first = 0;
      while (true) {
        while (first < parts.length && !parts[first].hasRemaining()) {
          first++;
        }
        if (first == parts.length) {
          return;
        }
        channel.write(parts, first, parts.length - first);
        // What did not fit waits for room. Where it was only too many parts for one call, there is.
        if (parts[parts.length - 1].hasRemaining() && !await(writable, deadline)) {
          throw new ConnectionLost(peer + " did not read in time");
        }
      }
    } catch (IOException | ClosedSelectorException e) {
      throw lost(e);
    }
  }

  @Override
  public long read(ByteBuffer[] parts, Deadline deadline) throws ConnectionLost {
    long room = 0;
    for (ByteBuffer part : parts) {
      room += part.remaining();
    }
    try {
      // Who has read less than it wanted has read all that there was.
      if (isDrained) {
        await(readable, deadline);
      }
      long bytes = channel.read(parts);
      while (bytes == 0 && await(readable, deadline)) {
        bytes = channel.read(parts);
      }
      if (bytes < 0) {
        throw new ConnectionLost(peer + " has ended the connection");
      }
      isDrained = bytes < room;
      return bytes;
    } catch (IOException | ClosedSelectorException e) {
      throw lost(e);
    }
  }

  /// @return whether it may be ready, and the deadline has not passed
  private boolean await(Selector selector, Deadline deadline) throws IOException {
    long nanos = deadline.nanosLeft();
    if (nanos <= 0) {
      return false;
    }
    selector.select(_ -> {}, TimeUnit.NANOSECONDS.toMillis(nanos) + 1);
    if (Thread.currentThread().isInterrupted()) {
      throw new ConnectionLost("interrupted while waiting for " + peer);
    }
    return true;
  }

  private ConnectionLost lost(Exception cause) {
    return switch (cause) {
      case ConnectionLost known -> known;
      case ClosedChannelException _, ClosedSelectorException _ ->
          new ConnectionLost("the connection to %s was closed".formatted(peer), cause);
      default -> ConnectionLost.byPeer("%s is gone: %s".formatted(peer, cause.getMessage()), cause);
    };
  }

  @Override
  public void peerIs(String name) {
    peer = name;
  }

  @Override
  public byte[] binding() {
    return new byte[0];
  }

  /// Gives the channel away, not blocking; this is of no use any more.
  SocketChannel detach() throws ConnectionLost {
    try {
      readable.close();
      writable.close();
      return channel;
    } catch (IOException e) {
      throw lost(e);
    }
  }

  @Override
  public void close() {
    Closing.quietly(channel, readable, writable);
  }
}
