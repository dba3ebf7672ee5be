package io.dejavu.template;

/// What `namespace()` makes: the one thing whose attributes a template can set.
record Namespace(Dict attributes) {
  static Object create(Rendering r, Arguments arguments) {
    var attributes = new Dict();
    if (arguments.positional().size() > 1) {
      throw Raised.typeError(
          "dict expected at most 1 argument, got %d", arguments.positional().size());
    }
    attributes.putAll(Globals.dict(r, arguments));
    return new Namespace(attributes);
  }

  // Identity, as in Python; its attributes may hold itself.
  @Override
  public boolean equals(@org.jspecify.annotations.Nullable Object other) {
    return this == other;
  }

  @Override
  public int hashCode() {
    return System.identityHashCode(this);
  }
}
