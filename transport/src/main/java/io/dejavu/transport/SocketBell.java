package io.dejavu.transport;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedSelectorException;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.util.concurrent.TimeUnit;

/// A doorbell between processes: a byte through a socket wakes, and its end says that the peer has
/// closed or died, which the system tells at once.
final class SocketBell implements Doorbell {
  private final SocketChannel channel;
  private final Selector sender;
  private final Selector receiver;
  private final ByteBuffer rung = ByteBuffer.allocateDirect(1);
  private final ByteBuffer heard = ByteBuffer.allocateDirect(64);
  private volatile boolean peerIsGone;

  /// @param channel connected, not blocking; this owns it from now on
  SocketBell(SocketChannel channel) throws IOException {
    this.channel = channel;
    sender = Selector.open();
    receiver = Selector.open();
    channel.register(sender, SelectionKey.OP_READ);
    channel.register(receiver, SelectionKey.OP_READ);
  }

  /// If the socket is full, the peer has not heard of earlier rings yet, and will.
  @Override
  public void ring() {
    try {
      channel.write(rung.duplicate());
    } catch (IOException _) {
      peerIsGone = true;
    }
  }

  @Override
  public void lieDown(Sleeper who) {}

  @Override
  public void sleep(Sleeper who, long nanos) {
    Selector mine =
        switch (who) {
          case SENDER -> sender;
          case RECEIVER -> receiver;
        };
    try {
      mine.select(_ -> {}, TimeUnit.NANOSECONDS.toMillis(Math.max(0, nanos)) + 1);
    } catch (IOException | ClosedSelectorException _) {
      peerIsGone = true;
      return;
    }
    if (hears()) {
      // It may be meant for the other thread, which has to look for itself.
      (who == Sleeper.SENDER ? receiver : sender).wakeup();
    }
  }

  @Override
  public boolean peerIsGone() {
    return peerIsGone;
  }

  @Override
  public boolean isClosed() {
    return !channel.isOpen();
  }

  @Override
  public void look() {
    if (hears()) {
      sender.wakeup();
      receiver.wakeup();
    }
  }

  private synchronized boolean hears() {
    try {
      int bytes = channel.read(heard.clear());
      if (bytes < 0) {
        peerIsGone = true;
      }
      return bytes != 0;
    } catch (IOException _) {
      peerIsGone = true;
      return true;
    }
  }

  @Override
  public void close() {
    Closing.quietly(channel, sender, receiver);
  }
}
