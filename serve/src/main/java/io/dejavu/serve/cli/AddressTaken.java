package io.dejavu.serve.cli;

import java.net.BindException;

/// An address or port cannot be listened on; its message names it.
public final class AddressTaken extends RuntimeException {
  private static final long serialVersionUID = 1;

  public AddressTaken(BindException cause) {
    super(cause.getMessage(), cause);
  }
}
