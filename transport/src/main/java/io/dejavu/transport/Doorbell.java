package io.dejavu.transport;

/// Wakes threads of the peer that sleep at a ring, and tells when the peer is gone. Both threads of
/// a connection use the same one.
interface Doorbell {
  /// Which of a connection's two threads.
  enum Sleeper {
    SENDER,
    RECEIVER
  }

  /// Wakes the peer's threads, as far as they sleep.
  void ring();

  /// Puts this thread down as the one to wake. Before it tells the peer what it waits for, and
  /// looks once more whether that is there already.
  void lieDown(Sleeper who);

  /// Sleeps until the peer rings, it is gone, this is closed, or the time is over; sometimes
  /// shorter.
  void sleep(Sleeper who, long nanos);

  /// Whether the peer has closed its side or died. What it put into the ring before is still there.
  boolean peerIsGone();

  /// Whether this side was closed.
  boolean isClosed();

  /// Looks anew whether the peer is gone, without waiting.
  void look();

  /// Wakes who sleeps here, and lets the peer know.
  void close();
}
