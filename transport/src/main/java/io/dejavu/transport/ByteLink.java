package io.dejavu.transport;

import java.nio.ByteBuffer;

/// Bytes to a peer and back, in order, without limits between them. One thread writes, one reads,
/// any closes.
interface ByteLink extends AutoCloseable {
  /// Writes all of what is left in the buffers.
  ///
  /// @param parts outside the Java heap
  /// @throws ConnectionLost if the peer is gone, or did not make room in time
  void write(ByteBuffer[] parts, Deadline deadline) throws ConnectionLost;

  /// Waits for at least one byte and reads what is there, in order, into the buffers.
  ///
  /// @param parts outside the Java heap, with room for at least one byte
  /// @return bytes read; 0 if there were none by `deadline`
  /// @throws ConnectionLost if the peer has ended the connection or is gone
  long read(ByteBuffer[] parts, Deadline deadline) throws ConnectionLost;

  /// From now on, reasons call the peer so.
  void peerIs(String name);

  /// What both ends of an encrypted link know and nobody between them; empty without encryption.
  byte[] binding();

  /// Whoever waits gets `ConnectionLost`.
  @Override
  void close();
}
