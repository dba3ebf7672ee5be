package io.dejavu.grammar;

import java.util.Arrays;

/// A set of characters: Unicode scalar values, so never half of a surrogate pair.
///
/// @param bounds first and last of each range, ascending, with gaps between
record CodePoints(int... bounds) {
  static final CodePoints NONE = new CodePoints();
  static final CodePoints ALL =
      new CodePoints(0, Character.MIN_SURROGATE - 1, Character.MAX_SURROGATE + 1, 0x10ffff);

  static CodePoints of(int only) {
    return range(only, only);
  }

  static CodePoints range(int from, int to) {
    return from == 0 && to == 0x10ffff ? ALL : new CodePoints(from, to).and(ALL);
  }

  static CodePoints of(String characters) {
    return characters.codePoints().mapToObj(CodePoints::of).reduce(NONE, CodePoints::or);
  }

  boolean isEmpty() {
    return bounds.length == 0;
  }

  boolean contains(int point) {
    int at = Arrays.binarySearch(bounds, point);
    return at >= 0 || -at % 2 == 0;
  }

  CodePoints not() {
    // The edges of the ranges outside are one beside those of the ranges inside.
    var out = new int[bounds.length + 2];
    int n = 0;
    int from = 0;
    for (int i = 0; i < bounds.length; i += 2) {
      if (bounds[i] > from) {
        out[n++] = from;
        out[n++] = bounds[i] - 1;
      }
      from = bounds[i + 1] + 1;
    }
    if (from <= 0x10ffff) {
      out[n++] = from;
      out[n++] = 0x10ffff;
    }
    return new CodePoints(Arrays.copyOf(out, n)).and(ALL);
  }

  CodePoints and(CodePoints other) {
    var out = new int[bounds.length + other.bounds.length];
    int n = 0;
    for (int a = 0, b = 0; a < bounds.length && b < other.bounds.length; ) {
      int from = Math.max(bounds[a], other.bounds[b]);
      int to = Math.min(bounds[a + 1], other.bounds[b + 1]);
      if (from <= to) {
        out[n++] = from;
        out[n++] = to;
      }
      if (bounds[a + 1] < other.bounds[b + 1]) {
        a += 2;
      } else {
        b += 2;
      }
    }
    return new CodePoints(Arrays.copyOf(out, n));
  }

  CodePoints or(CodePoints other) {
    var ranges = new long[(bounds.length + other.bounds.length) / 2];
    int n = 0;
    for (var set : new int[][] {bounds, other.bounds}) {
      for (int i = 0; i < set.length; i += 2) {
        ranges[n++] = (long) set[i] << 32 | set[i + 1];
      }
    }
    Arrays.sort(ranges);
    var out = new int[2 * n];
    int size = 0;
    for (long range : ranges) {
      int from = (int) (range >> 32);
      int to = (int) range;
      if (size > 0 && from <= out[size - 1] + 1) {
        out[size - 1] = Math.max(out[size - 1], to);
      } else {
        out[size++] = from;
        out[size++] = to;
      }
    }
    return new CodePoints(Arrays.copyOf(out, size));
  }

  CodePoints minus(CodePoints other) {
    return and(other.not());
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof CodePoints that && Arrays.equals(bounds, that.bounds);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(bounds);
  }

  @Override
  public String toString() {
    return "CodePoints" + Arrays.toString(bounds);
  }
}
