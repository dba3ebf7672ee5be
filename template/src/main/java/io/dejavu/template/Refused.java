package io.dejavu.template;

/// `raise_exception` on its way out of the template.
final class Refused extends RuntimeException {
  private static final long serialVersionUID = 1;

  private final String words;

  Refused(String words) {
    super(words, null, false, false);
    this.words = words;
  }

  String words() {
    return words;
  }
}
