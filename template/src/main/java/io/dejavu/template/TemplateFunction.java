package io.dejavu.template;

/// Something that a template can call.
@FunctionalInterface
interface TemplateFunction {
  Object call(Rendering rendering, Arguments arguments);
}
