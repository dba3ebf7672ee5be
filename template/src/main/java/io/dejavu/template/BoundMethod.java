package io.dejavu.template;

/// A method of a value, taken from it: `text.upper`.
record BoundMethod(Object self, String name, TemplateFunction body) implements TemplateFunction {
  @Override
  public Object call(Rendering rendering, Arguments arguments) {
    return body.call(rendering, arguments);
  }
}
