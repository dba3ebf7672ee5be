package io.dejavu.template;

import java.util.List;

/// Python's tuple. A list is a plain {@link List}, which nothing changes once it is a value.
record Tuple(List<Object> items, boolean group) {
  Tuple(List<Object> items) {
    this(items, false);
  }

  static Tuple of(Object... items) {
    return new Tuple(List.of(items));
  }

  /// What `groupby` yields: the same, with names for its two items.
  static Tuple group(Object grouper, List<Object> list) {
    return new Tuple(List.of(grouper, list), true);
  }
}
