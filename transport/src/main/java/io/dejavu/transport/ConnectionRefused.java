package io.dejavu.transport;

import java.io.IOException;

/// One side did not want the other: wrong secret, version or medium, or nobody takes it. Trying
/// again will not help before somebody changes something.
public final class ConnectionRefused extends IOException {
  private static final long serialVersionUID = 1;

  /// @param why in one line
  public ConnectionRefused(String why) {
    super(why);
  }

  /// The message, in one line.
  public String reason() {
    return String.valueOf(getMessage());
  }
}
