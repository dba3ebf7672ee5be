package io.dejavu.template;

import java.util.Collections;
import java.util.Iterator;
import org.jspecify.annotations.Nullable;

/// A value that is not there: prints as nothing, is false and empty, and raises when more is asked
/// of it.
final class Undefined {
  private final @Nullable Object target;
  private final Object name;
  private final @Nullable String hint;
  private final String kind;

  private Undefined(@Nullable Object target, Object name, @Nullable String hint, String kind) {
    this.target = target;
    this.name = name;
    this.hint = hint;
    this.kind = kind;
  }

  static Undefined name(String name) {
    return new Undefined(null, name, null, "UndefinedError");
  }

  static Undefined of(Object target, Object name) {
    return new Undefined(target, name, null, "UndefinedError");
  }

  static Undefined because(String hint) {
    return new Undefined(null, "", hint, "UndefinedError");
  }

  /// An attribute that Jinja's sandbox hides.
  static Undefined unsafe(Object target, String name) {
    return new Undefined(
        target,
        name,
        "access to attribute '%s' of '%s' object is unsafe.".formatted(name, Types.nameOf(target)),
        "SecurityError");
  }

  Raised raise() {
    return new Raised(kind, message());
  }

  Iterator<Object> iterate() {
    return Collections.emptyIterator();
  }

  int count() {
    return 0;
  }

  private String message() {
    if (hint != null) {
      return hint;
    }
    if (target == null) {
      return "'%s' is undefined".formatted(name);
    }
    String owner = target == None.NONE ? "None" : Types.nameOf(target) + " object";
    return name instanceof String
        ? "'%s' has no attribute %s".formatted(owner, Text.repr(name))
        : "%s has no element %s".formatted(owner, Text.repr(name));
  }

  /// As Python: one undefined is like another.
  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof Undefined;
  }

  @Override
  public int hashCode() {
    return 0;
  }
}
