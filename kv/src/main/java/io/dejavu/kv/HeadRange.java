package io.dejavu.kv;

/// Half-open range of a model's kv heads: those of one shard.
public record HeadRange(int start, int end) {
  public HeadRange {
    if (start < 0 || end <= start) {
      throw new IllegalArgumentException("heads [%d, %d)".formatted(start, end));
    }
  }

  /// All heads of a model.
  public static HeadRange all(int kvHeads) {
    return new HeadRange(0, kvHeads);
  }

  /// K of the shard.
  public int count() {
    return end - start;
  }

  public boolean contains(int head) {
    return start <= head && head < end;
  }

  public boolean contains(HeadRange other) {
    return start <= other.start && other.end <= end;
  }

  @Override
  public String toString() {
    return "[%d, %d)".formatted(start, end);
  }
}
