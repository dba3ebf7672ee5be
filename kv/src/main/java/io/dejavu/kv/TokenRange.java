package io.dejavu.kv;

/// Half-open range of token positions within one sequence.
public record TokenRange(int start, int end) {
  public TokenRange {
    if (start < 0 || end <= start) {
      throw new IllegalArgumentException("tokens [%d, %d)".formatted(start, end));
    }
  }

  public int count() {
    return end - start;
  }

  @Override
  public String toString() {
    return "[%d, %d)".formatted(start, end);
  }
}
