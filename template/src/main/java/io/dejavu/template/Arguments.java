package io.dejavu.template;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// What a call passes: by place and by name.
record Arguments(List<Object> positional, Map<String, Object> named) {
  static final Arguments NONE = new Arguments(List.of(), Map.of());

  static Arguments of(Object... positional) {
    return new Arguments(List.of(positional), Map.of());
  }

  /// Gives each argument its parameter; `required` of them must be there.
  Bound bind(String function, int required, String... parameters) {
    if (positional.size() > parameters.length) {
      throw Raised.typeError(
          "%s() takes at most %d arguments (%d given)",
          function, parameters.length, positional.size());
    }
    var values = new @Nullable Object[parameters.length];
    for (int i = 0; i < positional.size(); i++) {
      values[i] = positional.get(i);
    }
    named.forEach(
        (name, value) -> {
          int at = List.of(parameters).indexOf(name);
          if (at < 0) {
            throw Raised.typeError("%s() got an unexpected keyword argument '%s'", function, name);
          }
          if (values[at] != null) {
            throw Raised.typeError("%s() got multiple values for argument '%s'", function, name);
          }
          values[at] = value;
        });
    for (int i = 0; i < required; i++) {
      if (values[i] == null) {
        throw Raised.typeError(
            "%s() missing 1 required positional argument: '%s'", function, parameters[i]);
      }
    }
    return new Bound(values);
  }

  /// For functions that take arguments by place only.
  Bound bindPositional(String function, int required, int most) {
    if (!named.isEmpty()) {
      throw Raised.typeError("%s() takes no keyword arguments", function);
    }
    if (positional.size() < required || positional.size() > most) {
      throw Raised.typeError(
          "%s() takes from %d to %d arguments (%d given)",
          function, required, most, positional.size());
    }
    var values = new @Nullable Object[most];
    for (int i = 0; i < positional.size(); i++) {
      values[i] = positional.get(i);
    }
    return new Bound(values);
  }

  Arguments with(String name, Object value) {
    var more = new LinkedHashMap<>(named);
    more.put(name, value);
    return new Arguments(positional, more);
  }

  Arguments after(int count) {
    return new Arguments(positional.subList(count, positional.size()), named);
  }

  /// Arguments at their parameters.
  record Bound(@Nullable Object[] values) {
    boolean has(int i) {
      return values[i] != null;
    }

    Object at(int i) {
      var value = values[i];
      if (value == null) {
        throw new IllegalStateException("argument " + i + " was not required");
      }
      return value;
    }

    Object at(int i, Object fallback) {
      var value = values[i];
      return value == null ? fallback : value;
    }

    boolean flag(int i) {
      return Types.truth(at(i, false));
    }

    int index(int i, int fallback) {
      var value = values[i];
      return value == null ? fallback : Types.index(value);
    }

    /// The argument, or null if it was left out or is `None`.
    @Nullable Object orNull(int i) {
      var value = values[i];
      return value == None.NONE ? null : value;
    }
  }
}
