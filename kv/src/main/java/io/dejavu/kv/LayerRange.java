package io.dejavu.kv;

/// Half-open range of a model's layers: those of one stage.
public record LayerRange(int start, int end) {
  public LayerRange {
    if (start < 0 || end <= start) {
      throw new IllegalArgumentException("layers [%d, %d)".formatted(start, end));
    }
  }

  /// L of the stage.
  public int count() {
    return end - start;
  }

  public boolean contains(int layer) {
    return start <= layer && layer < end;
  }

  @Override
  public String toString() {
    return "[%d, %d)".formatted(start, end);
  }
}
