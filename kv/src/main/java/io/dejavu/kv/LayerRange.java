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

  public boolean contains(LayerRange other) {
    return start <= other.start && other.end <= end;
  }

  public boolean overlaps(LayerRange other) {
    return start < other.end && other.start < end;
  }

  /// What both have.
  ///
  /// @throws IllegalArgumentException if that is nothing
  public LayerRange intersect(LayerRange other) {
    return new LayerRange(Math.max(start, other.start), Math.min(end, other.end));
  }

  @Override
  public String toString() {
    return "[%d, %d)".formatted(start, end);
  }
}
