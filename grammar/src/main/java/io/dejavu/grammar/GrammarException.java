package io.dejavu.grammar;

/// A grammar that is not understood, not supported or too large. The message is for whoever wrote
/// it: it names the place, and the limit where there is one.
public final class GrammarException extends RuntimeException {
  private static final long serialVersionUID = 1;

  public GrammarException(String message) {
    super(message);
  }

  /// With the place, as a JSON pointer or the like: `#/properties/age: minimum is not a number`.
  GrammarException(String place, String message) {
    super(shortened(place) + ": " + message);
  }

  private static String shortened(String place) {
    return place.length() <= 200
        ? place
        : place.substring(0, 100) + " … " + place.substring(place.length() - 100);
  }
}
