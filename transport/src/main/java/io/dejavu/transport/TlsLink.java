package io.dejavu.transport;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.concurrent.locks.ReentrantLock;
import javax.net.ssl.ExtendedSSLSession;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLEngineResult;
import javax.net.ssl.SSLEngineResult.HandshakeStatus;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLParameters;

/// TLS 1.3 over another link. Each side shows a certificate that the other's context trusts. Which
/// host it names does not matter: the proofs of the handshake inside cover this connection's keys,
/// so nobody can stand between the two, whatever certificates he has.
final class TlsLink implements ByteLink {
  /// Many records in one write to the socket.
  private static final int BATCH = 256 << 10;

  /// For the peer to take an answer of a few bytes.
  private static final Duration ANSWER = Duration.ofSeconds(5);

  private static final ByteBuffer[] NOTHING = {ByteBuffer.allocate(0)};

  private final SocketLink link;
  private final SSLEngine engine;
  private volatile String peer;

  /// Held while something is wrapped and written: by the sending thread, and by the receiving one
  /// if it has to answer a change of keys.
  private final ReentrantLock writing = new ReentrantLock();

  private final ByteBuffer encryptedOut;
  private final ByteBuffer encryptedIn;
  private final ByteBuffer plainIn;
  private byte[] binding = {};

  private TlsLink(SocketLink link, SSLEngine engine, String peer) {
    this.link = link;
    this.engine = engine;
    this.peer = peer;
    int record = engine.getSession().getPacketBufferSize();
    encryptedOut = ByteBuffer.allocateDirect(BATCH + record);
    encryptedIn = ByteBuffer.allocateDirect(BATCH + record).flip();
    plainIn = ByteBuffer.allocateDirect(engine.getSession().getApplicationBufferSize()).flip();
  }

  static TlsLink connect(SocketLink link, SSLContext context, String peer, Deadline deadline)
      throws ConnectionLost {
    SSLEngine engine = context.createSSLEngine();
    engine.setUseClientMode(true);
    return open(link, engine, peer, deadline);
  }

  static TlsLink accept(SocketLink link, SSLContext context, String peer, Deadline deadline)
      throws ConnectionLost {
    SSLEngine engine = context.createSSLEngine();
    engine.setUseClientMode(false);
    return open(link, engine, peer, deadline);
  }

  private static TlsLink open(SocketLink link, SSLEngine engine, String peer, Deadline deadline)
      throws ConnectionLost {
    SSLParameters parameters = engine.getSSLParameters();
    parameters.setProtocols(new String[] {"TLSv1.3"});
    if (!engine.getUseClientMode()) {
      parameters.setNeedClientAuth(true);
    }
    engine.setSSLParameters(parameters);
    var tls = new TlsLink(link, engine, peer);
    try {
      tls.shakeHands(deadline);
      var session = (ExtendedSSLSession) engine.getSession();
      tls.binding = session.exportKeyingMaterialData("EXPORTER-dejavu-transport", null, 32);
      return tls;
    } catch (SSLException e) {
      throw tls.broken(e);
    }
  }

  private void shakeHands(Deadline deadline) throws SSLException, ConnectionLost {
    engine.beginHandshake();
    while (true) {
      switch (engine.getHandshakeStatus()) {
        case NEED_TASK -> runTasks();
        case NEED_WRAP -> flush(deadline);
        case NEED_UNWRAP, NEED_UNWRAP_AGAIN -> {
          SSLEngineResult result = engine.unwrap(encryptedIn, plainIn.compact());
          plainIn.flip();
          switch (result.getStatus()) {
            case BUFFER_UNDERFLOW -> {
              if (!receiveMore(deadline)) {
                throw new ConnectionLost(peer + " did not finish the TLS handshake in time");
              }
            }
            case CLOSED -> throw new ConnectionLost(peer + " ended the TLS handshake");
            case BUFFER_OVERFLOW -> throw new ConnectionLost(peer + " sent data too early");
            case OK -> {}
          }
        }
        case FINISHED, NOT_HANDSHAKING -> {
          return;
        }
      }
    }
  }

  private void runTasks() {
    for (Runnable task; (task = engine.getDelegatedTask()) != null; ) {
      task.run();
    }
  }

  /// Sends what TLS itself has to say.
  private void flush(Deadline deadline) throws SSLException, ConnectionLost {
    encryptedOut.clear();
    engine.wrap(NOTHING, encryptedOut);
    link.write(new ByteBuffer[] {encryptedOut.flip()}, deadline);
  }

  private boolean receiveMore(Deadline deadline) throws ConnectionLost {
    encryptedIn.compact();
    try {
      return link.read(new ByteBuffer[] {encryptedIn}, deadline) > 0;
    } finally {
      encryptedIn.flip();
    }
  }

  @Override
  public void write(ByteBuffer[] parts, Deadline deadline) throws ConnectionLost {
    writing.lock();
    try {
      int first = 0;
      while (true) {
        encryptedOut.clear();
        while (first < parts.length && encryptedOut.position() < BATCH) {
          if (!parts[first].hasRemaining()) {
            first++;
          } else if (engine.wrap(parts, first, parts.length - first, encryptedOut).getStatus()
              != SSLEngineResult.Status.OK) {
            throw new ConnectionLost("the TLS connection to %s has ended".formatted(peer));
          }
        }
        if (encryptedOut.position() == 0) {
          return;
        }
        link.write(new ByteBuffer[] {encryptedOut.flip()}, deadline);
      }
    } catch (SSLException e) {
      throw broken(e);
    } finally {
      writing.unlock();
    }
  }

  @Override
  public long read(ByteBuffer[] parts, Deadline deadline) throws ConnectionLost {
    try {
      while (true) {
        if (plainIn.hasRemaining()) {
          return copyPlain(parts);
        }
        SSLEngineResult result = unwrap(parts);
        switch (result.getStatus()) {
          case OK -> answerTls(result.getHandshakeStatus());
          case BUFFER_UNDERFLOW -> {
            if (!receiveMore(deadline)) {
              return 0;
            }
          }
          case CLOSED -> throw new ConnectionLost(peer + " has ended the connection");
          case BUFFER_OVERFLOW ->
              throw new ConnectionLost(peer + " sent a TLS record larger than agreed");
        }
        if (result.bytesProduced() > 0 && !plainIn.hasRemaining()) {
          return result.bytesProduced();
        }
      }
    } catch (SSLException e) {
      throw broken(e);
    }
  }

  /// Decrypts one record to where it belongs if it fits there for sure, else into the buffer.
  private SSLEngineResult unwrap(ByteBuffer[] parts) throws SSLException {
    long room = 0;
    for (ByteBuffer part : parts) {
      room += part.remaining();
    }
    if (room >= plainIn.capacity()) {
      return engine.unwrap(encryptedIn, parts);
    }
    try {
      return engine.unwrap(encryptedIn, plainIn.clear());
    } finally {
      plainIn.flip();
    }
  }

  private long copyPlain(ByteBuffer[] parts) {
    long before = plainIn.remaining();
    for (ByteBuffer part : parts) {
      int some = Math.min(part.remaining(), plainIn.remaining());
      part.put(plainIn.slice(plainIn.position(), some));
      plainIn.position(plainIn.position() + some);
    }
    return before - plainIn.remaining();
  }

  /// If the sending thread writes just now, it takes along what TLS has to say with its next
  /// record, and nobody waits for that.
  private void answerTls(HandshakeStatus status) throws SSLException, ConnectionLost {
    if (status == HandshakeStatus.NEED_TASK) {
      runTasks();
    }
    if (engine.getHandshakeStatus() == HandshakeStatus.NEED_WRAP && writing.tryLock()) {
      try {
        flush(Deadline.in(ANSWER));
      } finally {
        writing.unlock();
      }
    }
  }

  private ConnectionLost broken(SSLException cause) {
    return new ConnectionLost("TLS with %s failed: %s".formatted(peer, cause.getMessage()), cause);
  }

  @Override
  public void peerIs(String name) {
    peer = name;
    link.peerIs(name);
  }

  @Override
  public byte[] binding() {
    return binding.clone();
  }

  @Override
  public void close() {
    link.close();
  }
}
