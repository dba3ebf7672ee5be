package io.dejavu.api;

import io.helidon.common.buffers.BufferData;
import io.helidon.common.buffers.DataWriter;
import io.helidon.common.socket.HelidonSocket;
import io.helidon.common.socket.SocketWriterException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.concurrent.locks.ReentrantLock;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLEngineResult;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;

/// TLS between the socket of a connection and its HTTP. One thread at a time reads; others may
/// write meanwhile.
///
/// Helidon has this too, but waits there in ways that its user cannot end: closing a connection
/// whose client does not shake hands, or does not read, waits for that client; and each connection
/// looks up the name of its client. Here the socket below is plain, and closing it ends every wait.
final class TlsLayer implements DataWriter {
  private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);
  private static final int MOST_READ = 8 << 10; // of one read of the socket

  private final HelidonSocket socket;
  private final DataWriter below;
  private final SSLEngine engine;

  // Touched by who reads. `in` has what came and is not decrypted yet, ready to be read.
  private ByteBuffer in;
  private ByteBuffer plain;
  private boolean seen;

  private final ReentrantLock writing = new ReentrantLock();
  private ByteBuffer out; // guarded by writing

  /// @param below writes to `socket`
  TlsLayer(HelidonSocket socket, DataWriter below, SSLEngine engine) {
    this.socket = socket;
    this.below = below;
    this.engine = engine;
    var session = engine.getSession();
    this.in = ByteBuffer.allocate(session.getPacketBufferSize() + MOST_READ).flip();
    this.plain = ByteBuffer.allocate(session.getApplicationBufferSize());
    this.out = ByteBuffer.allocate(session.getPacketBufferSize());
  }

  /// Some bytes, or null at the end. The first call shakes hands.
  byte @Nullable [] get() {
    try {
      while (true) {
        plain.clear();
        var result = engine.unwrap(in, plain);
        switch (result.getStatus()) {
          case BUFFER_UNDERFLOW -> {
            byte[] more = socket.get();
            if (more == null) {
              return null;
            }
            append(more);
          }
          case BUFFER_OVERFLOW ->
              plain = ByteBuffer.allocate(engine.getSession().getApplicationBufferSize());
          case CLOSED -> {
            return null;
          }
          case OK -> {
            boolean moved = settle() || result.bytesConsumed() > 0;
            if (plain.position() > 0) {
              var bytes = new byte[plain.flip().remaining()];
              plain.get(bytes);
              return bytes;
            }
            if (!moved) {
              throw new SSLException("nothing left to do, but " + result);
            }
          }
        }
      }
    } catch (SSLException e) {
      alert();
      throw new UncheckedIOException(e);
    }
  }

  private void append(byte[] more) throws SSLException {
    if (!seen) {
      seen = true;
      if (more[0] >= 'A' && more[0] <= 'Z') { // no TLS record begins with a letter
        var error = HttpError.malformed("this port speaks HTTPS only");
        below.writeNow(BufferData.create(PlainAnswer.of(error)));
        throw new SSLException("a client speaks HTTP to the port of HTTPS");
      }
    }
    if (in.capacity() - in.remaining() < more.length) { // a larger packet than TLS has
      throw new SSLException("%d bytes are no TLS record".formatted(in.remaining()));
    }
    in.compact().put(more).flip();
  }

  /// Does all that the protocol wants done before it reads again.
  ///
  /// @return whether there was anything
  private boolean settle() throws SSLException {
    boolean did = false;
    while (true) {
      switch (engine.getHandshakeStatus()) {
        case NEED_TASK -> {
          for (var task = engine.getDelegatedTask();
              task != null;
              task = engine.getDelegatedTask()) {
            task.run();
          }
        }
        case NEED_WRAP -> wrap(NOTHING.duplicate());
        case NEED_UNWRAP, NEED_UNWRAP_AGAIN, FINISHED, NOT_HANDSHAKING -> {
          return did;
        }
      }
      did = true;
    }
  }

  /// Encrypts all of `from` and sends it.
  private void wrap(ByteBuffer from) throws SSLException {
    writing.lock();
    try {
      do {
        out.clear();
        var result = engine.wrap(from, out);
        if (result.getStatus() == SSLEngineResult.Status.BUFFER_OVERFLOW) {
          out = ByteBuffer.allocate(engine.getSession().getPacketBufferSize());
          continue;
        }
        if (out.flip().hasRemaining()) {
          below.writeNow(BufferData.create(out.array(), 0, out.limit()));
        }
        if (result.getStatus() == SSLEngineResult.Status.CLOSED) {
          if (from.hasRemaining()) {
            throw new SSLException("the client has ended the connection");
          }
          return;
        }
      } while (from.hasRemaining());
    } finally {
      writing.unlock();
    }
  }

  /// Tells the client what was wrong, if it still listens.
  private void alert() {
    try {
      settle();
    } catch (SSLException | SocketWriterException | UncheckedIOException _) {
      // It learns nothing more; what was wrong is reported by who called.
    }
  }

  /// Says that nothing more comes, unless somebody is writing.
  void end() {
    if (!writing.tryLock()) {
      return;
    }
    try {
      engine.closeOutbound();
      settle();
    } catch (SSLException | SocketWriterException | UncheckedIOException _) {
      // The connection is broken, which is an end as well.
    } finally {
      writing.unlock();
    }
  }

  @Override
  public void write(BufferData... buffers) {
    for (var buffer : buffers) {
      write(buffer);
    }
  }

  @Override
  public void write(BufferData buffer) {
    try {
      wrap(ByteBuffer.wrap(buffer.readBytes()));
    } catch (SSLException e) {
      throw new SocketWriterException(e);
    }
  }

  @Override
  public void writeNow(BufferData... buffers) {
    write(buffers);
  }

  @Override
  public void writeNow(BufferData buffer) {
    write(buffer);
  }

  @Override
  public void flush() {} // nothing waits here
}
