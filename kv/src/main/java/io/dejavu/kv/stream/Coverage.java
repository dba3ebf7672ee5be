package io.dejavu.kv.stream;

import io.dejavu.kv.LayerRange;
import io.dejavu.kv.TokenRange;
import java.util.Arrays;

/// Which tokens of which layers of a stream have arrived and are verified. They may come in any
/// order; usually each layer has one range that grows.
final class Coverage {
  private final LayerRange layers;
  private final int first;
  private final Ranges[] arrived;

  /// @param first token of the stream
  Coverage(LayerRange layers, int first) {
    this.layers = layers;
    this.first = first;
    arrived = new Ranges[layers.count()];
    Arrays.setAll(arrived, _ -> new Ranges());
  }

  void add(LayerRange some, TokenRange tokens) {
    for (int layer = some.start(); layer < some.end(); layer++) {
      of(layer).add(tokens.start(), tokens.end());
    }
  }

  /// Whether all of it is here.
  boolean contains(LayerRange some, TokenRange tokens) {
    for (int layer = some.start(); layer < some.end(); layer++) {
      if (!of(layer).contains(tokens.start(), tokens.end())) {
        return false;
      }
    }
    return true;
  }

  /// Whether some of it is here.
  boolean touches(LayerRange some, TokenRange tokens) {
    for (int layer = some.start(); layer < some.end(); layer++) {
      if (of(layer).touches(tokens.start(), tokens.end())) {
        return true;
      }
    }
    return false;
  }

  /// The first token that some layer lacks.
  int complete() {
    int least = Integer.MAX_VALUE;
    for (var ranges : arrived) {
      least = Math.min(least, ranges.endFrom(first));
    }
    return least;
  }

  private Ranges of(int layer) {
    return arrived[layer - layers.start()];
  }

  /// Disjoint ranges that do not touch, in order: `bounds[2 i]` to `bounds[2 i + 1]`.
  private static final class Ranges {
    private int[] bounds = new int[2];
    private int count;

    void add(int start, int end) {
      int from = 0;
      while (from < count && bounds[2 * from + 1] < start) {
        from++;
      }
      int to = from;
      while (to < count && bounds[2 * to] <= end) {
        start = Math.min(start, bounds[2 * to]);
        end = Math.max(end, bounds[2 * to + 1]);
        to++;
      }
      // [from, to) become one.
      if (from == to) {
        if (2 * count == bounds.length) {
          bounds = Arrays.copyOf(bounds, 2 * bounds.length);
        }
        System.arraycopy(bounds, 2 * from, bounds, 2 * from + 2, 2 * (count - from));
        count++;
      } else if (to > from + 1) {
        System.arraycopy(bounds, 2 * to, bounds, 2 * from + 2, 2 * (count - to));
        count -= to - from - 1;
      }
      bounds[2 * from] = start;
      bounds[2 * from + 1] = end;
    }

    boolean contains(int start, int end) {
      for (int i = 0; i < count; i++) {
        if (bounds[2 * i] <= start && end <= bounds[2 * i + 1]) {
          return true;
        }
      }
      return false;
    }

    boolean touches(int start, int end) {
      for (int i = 0; i < count; i++) {
        if (bounds[2 * i] < end && start < bounds[2 * i + 1]) {
          return true;
        }
      }
      return false;
    }

    /// Where the range that holds `start` ends; `start` if none does.
    int endFrom(int start) {
      for (int i = 0; i < count; i++) {
        if (bounds[2 * i] <= start && start < bounds[2 * i + 1]) {
          return bounds[2 * i + 1];
        }
      }
      return start;
    }
  }
}
