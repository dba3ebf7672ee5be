package io.dejavu.serve;

import java.net.BindException;

/// An address or port cannot be listened on.
final class AddressTaken extends RuntimeException {
  private static final long serialVersionUID = 1;

  AddressTaken(BindException cause) {
    super(cause.getMessage(), cause);
  }
}
