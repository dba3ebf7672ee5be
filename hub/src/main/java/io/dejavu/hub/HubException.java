package io.dejavu.hub;

import java.io.Serial;
import org.jspecify.annotations.Nullable;

/// A model that could not be fetched. The message says what happened and, where it is not obvious,
/// what to do. It holds no token.
public class HubException extends RuntimeException {
  @Serial private static final long serialVersionUID = 1L;

  HubException(String problem) {
    this(problem, null);
  }

  HubException(String problem, @Nullable Throwable cause) {
    super(printable(problem), cause);
  }

  // Parts of it come from a server: no control characters, no megabytes.
  private static String printable(String message) {
    var cut = message.length() <= 1000 ? message : message.substring(0, 1000) + "…";
    return cut.replaceAll("\\p{Cntrl}", "?");
  }

  /// What another attempt may cure: the network, or a server that is overloaded or down.
  static final class Passing extends HubException {
    @Serial private static final long serialVersionUID = 1L;

    /// How long the server asks to wait, in seconds; negative: it does not.
    final long retryAfterSeconds;

    Passing(String problem, @Nullable Throwable cause) {
      super(problem, cause);
      retryAfterSeconds = -1;
    }

    Passing(String problem, long retryAfterSeconds) {
      super(problem);
      this.retryAfterSeconds = retryAfterSeconds;
    }
  }
}
