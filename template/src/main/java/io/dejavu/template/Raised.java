package io.dejavu.template;

/// What Python would have raised, on its way to [ChatTemplate], which knows template and line.
final class Raised extends RuntimeException {
  private static final long serialVersionUID = 1;

  private final String kind;

  Raised(String kind, String reason) {
    super(reason, null, false, false); // no stack trace: the reader wants the template's line
    this.kind = kind;
  }

  static Raised typeError(String reason, Object... values) {
    return new Raised("TypeError", reason.formatted(values));
  }

  static Raised valueError(String reason, Object... values) {
    return new Raised("ValueError", reason.formatted(values));
  }

  static Raised limit(String reason, Object... values) {
    return new Raised("LimitExceeded", reason.formatted(values));
  }

  static Raised argument(String reason, Object... values) {
    return new Raised("FilterArgumentError", reason.formatted(values));
  }

  String kind() {
    return kind;
  }

  String reason() {
    return String.valueOf(getMessage());
  }
}
