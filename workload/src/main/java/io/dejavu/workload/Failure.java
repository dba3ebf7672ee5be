package io.dejavu.workload;

import java.util.Locale;

/// Why a request did not get its answer.
///
/// @param kind what reports count by
/// @param status of HTTP, or 0
/// @param message in the server's words where it had any, one line
public record Failure(Kind kind, int status, String message) {
  private static final int LONGEST = 300;

  /// Kinds of failures.
  public enum Kind {
    /// No connection, or it broke before the answer began.
    CONNECT,
    /// The deadline of the request passed.
    TIMEOUT,
    /// The server closed the connection within the answer.
    CUT,
    /// An answer with another status than 200.
    HTTP,
    /// An error that came as an event of the stream.
    SERVER,
    /// What came is not HTTP, not an event stream or not JSON.
    MALFORMED,
    /// The stream ended as it should, without a token.
    EMPTY,
    /// The measurement was stopped meanwhile: no fault of the server.
    STOPPED
  }

  public Failure {
    String line = message.strip().replaceAll("\\s*[\\p{Cntrl}]+\\s*", " ");
    message = line.length() <= LONGEST ? line : line.substring(0, LONGEST) + "…";
  }

  static Failure of(Kind kind, String message) {
    return new Failure(kind, 0, message);
  }

  /// What reports count by, such as `http 429` or `timeout`.
  public String label() {
    String name = kind.name().toLowerCase(Locale.ROOT);
    return status == 0 ? name : name + " " + status;
  }
}
