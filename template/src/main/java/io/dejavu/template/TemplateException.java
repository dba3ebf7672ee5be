package io.dejavu.template;

/// A template that cannot be parsed, or that failed while it was rendered.
public sealed class TemplateException extends RuntimeException permits TemplateRefusal {
  private static final long serialVersionUID = 1;

  private final String template;
  private final int line;
  private final String kind;
  private final String reason;

  TemplateException(String template, int line, String kind, String reason) {
    super("%s, line %d: %s: %s".formatted(template, line, kind, reason));
    this.template = template;
    this.line = line;
    this.kind = kind;
    this.reason = reason;
  }

  /// The name that the template was parsed under.
  public String template() {
    return template;
  }

  /// Line of the template's text, from 1.
  public int line() {
    return line;
  }

  /// What Python would have raised: `TypeError`, `UndefinedError`, `TemplateSyntaxError` …, or
  /// `LimitExceeded` where a bound of ours was reached.
  public String kind() {
    return kind;
  }

  /// What went wrong, without place and kind.
  public String reason() {
    return reason;
  }
}
