package io.dejavu.transport;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/// The connection is of no use any more: the peer is gone, does not read, or sent what it may not.
/// What was under way may or may not have arrived.
public final class ConnectionLost extends IOException {
  private static final long serialVersionUID = 1;

  /// Whether the peer has ended it or is gone, and not this side, a deadline, or what was sent.
  private final boolean isPeersEnd;

  /// @param why in one line, with the peer's name
  public ConnectionLost(String why) {
    super(why);
    isPeersEnd = false;
  }

  public ConnectionLost(String why, Throwable cause) {
    this(why, cause, false);
  }

  private ConnectionLost(String why, @Nullable Throwable cause, boolean isPeersEnd) {
    super(why, cause);
    this.isPeersEnd = isPeersEnd;
  }

  /// The peer has ended it, or is gone.
  static ConnectionLost byPeer(String why, @Nullable Throwable cause) {
    return new ConnectionLost(why, cause, true);
  }

  boolean isPeersEnd() {
    return isPeersEnd;
  }

  /// The message: in one line, with the peer's name.
  public String reason() {
    return String.valueOf(getMessage());
  }
}
