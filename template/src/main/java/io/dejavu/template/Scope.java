package io.dejavu.template;

import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Names visible at one place of a template. What is set here ends with the scope; what is outside
/// can be read.
final class Scope {
  private final @Nullable Scope outer;
  private final boolean isTop;
  private @Nullable Map<String, Object> names;

  Scope(@Nullable Scope outer) {
    this(outer, false);
  }

  private Scope(@Nullable Scope outer, boolean isTop) {
    this.outer = outer;
    this.isTop = isTop;
  }

  /// The scope of a template's own names, with what it was given around it.
  static Scope top(Scope given) {
    return new Scope(given, true);
  }

  @Nullable Object find(String name) {
    for (Scope scope = this; scope != null; scope = scope.outer) {
      if (scope.names != null) {
        var value = scope.names.get(name);
        if (value != null) {
          return value;
        }
      }
    }
    return null;
  }

  /// The scope of what is set at the top of the template: the innermost that was marked.
  Scope ofTemplate() {
    Scope scope = this;
    while (!scope.isTop && scope.outer != null) {
      scope = scope.outer;
    }
    return scope;
  }

  void set(String name, Object value) {
    if (names == null) {
      names = new HashMap<>();
    }
    names.put(name, value);
  }
}
