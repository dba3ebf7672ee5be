package io.dejavu.template;

/// What `joiner(…)` makes: nothing the first time, then the separator.
final class Joiner implements TemplateFunction {
  private final Object separator;
  private boolean used;

  Joiner(Object separator) {
    this.separator = separator;
  }

  Object separator() {
    return separator;
  }

  boolean used() {
    return used;
  }

  @Override
  public Object call(Rendering rendering, Arguments arguments) {
    if (!used) {
      used = true;
      return "";
    }
    return separator;
  }
}
