package io.dejavu.workload;

import java.io.IOException;

/// A trace that cannot be read, and where.
public final class TraceException extends IOException {
  private static final long serialVersionUID = 1;

  TraceException(String file, int line, String problem) {
    super(
        line == 0
            ? "%s: %s".formatted(file, problem)
            : "%s, line %d: %s".formatted(file, line, problem));
  }
}
