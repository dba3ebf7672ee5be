package io.dejavu.template;

/// The template itself refused its input with `raise_exception`: [#reason] is in its own words and
/// meant for the client.
public final class TemplateRefusal extends TemplateException {
  private static final long serialVersionUID = 1;

  TemplateRefusal(String template, int line, String words) {
    super(template, line, "TemplateError", words);
  }
}
