package io.dejavu.transport;

import java.io.IOException;

/// The connection is of no use any more: the peer is gone, does not read, or sent what it may not.
/// What was under way may or may not have arrived.
public final class ConnectionLost extends IOException {
  private static final long serialVersionUID = 1;

  /// @param why in one line, with the peer's name
  public ConnectionLost(String why) {
    super(why);
  }

  public ConnectionLost(String why, Throwable cause) {
    super(why, cause);
  }

  /// The message: in one line, with the peer's name.
  public String reason() {
    return String.valueOf(getMessage());
  }
}
