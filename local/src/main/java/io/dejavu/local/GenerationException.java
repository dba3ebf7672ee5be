package io.dejavu.local;

/// A text could not be generated, for no fault of the request.
public final class GenerationException extends RuntimeException {
  private static final long serialVersionUID = 1;

  /// Whether the same may work later: too much was asked for at once.
  private final boolean busy;

  GenerationException(String message, boolean busy) {
    super(message);
    this.busy = busy;
  }

  /// Whether the queue was full, so that another try later may work.
  public boolean isBusy() {
    return busy;
  }
}
