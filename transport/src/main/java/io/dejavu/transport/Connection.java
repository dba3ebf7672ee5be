package io.dejavu.transport;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/// An ordered lane of frames to a peer and one back. A frame is a *head*, which says what it is,
/// and a *body*, which may be large and is never copied more often than the medium needs: it is
/// sent from where it lies and received to where it belongs.
///
/// One thread sends; one thread, the same or another, receives; any thread closes. A frame arrives
/// whole and unchanged as far as the medium can tell, after all frames sent before it, or the
/// connection is lost. Whatever fails closes the connection: there is no half-broken one. So does
/// interrupting a thread that waits here. Only when whoever sends finds that the peer is gone, what
/// it sent before can still be received.
public interface Connection extends AutoCloseable {
  /// Most bytes of a head.
  int MOST_HEAD = 32 << 10;

  /// The other side's name, as it proved in the handshake.
  String peer();

  /// Which of the processes that had or will have that name: another one after each start.
  UUID peerIncarnation();

  /// Most bytes of a body.
  long mostBody();

  /// Whether a frame with so large a body would be sent now without waiting for the peer. False
  /// where that cannot be known. For the sending thread.
  boolean hasRoom(long bodyBytes);

  /// Sends a frame. Its memory may be used again when this returns, which does not mean that the
  /// peer has it.
  ///
  /// @param head at most {@link #MOST_HEAD} bytes
  /// @param body gathered in order, outside the Java heap
  /// @param deadline for the peer to make room
  /// @throws ConnectionLost if it is gone, or did not make room in time
  /// @throws IllegalArgumentException if head or body is too large
  void send(MemorySegment head, List<MemorySegment> body, Deadline deadline) throws ConnectionLost;

  /// Waits for a frame. What was left unread of the last one is skipped.
  ///
  /// @return null if none began to arrive by `deadline`; the connection is still good then
  /// @throws ConnectionLost if the peer is gone or what arrives is no frame
  @Nullable Incoming receive(Deadline deadline) throws ConnectionLost;

  /// A frame whose head has arrived. Good until the next {@link #receive}.
  interface Incoming {
    /// Its head; copied out, not the peer's to change.
    MemorySegment head();

    /// Bytes of its body that were not read yet.
    long bodyLeft();

    /// Receives the next bytes of the body, scattered in order.
    ///
    /// @param targets outside the Java heap, together at most {@link #bodyLeft} bytes
    /// @throws ConnectionLost if they did not arrive in time
    void read(List<MemorySegment> targets, Deadline deadline) throws ConnectionLost;
  }

  /// Ends both lanes; whoever waits gets `ConnectionLost`. Harmless when repeated.
  @Override
  void close();
}
