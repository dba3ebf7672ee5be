package io.dejavu.api;

import java.util.List;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.TokenStreamLocation;
import tools.jackson.core.exc.StreamConstraintsException;

/// What is wrong with a text that is not JSON, for whoever wrote it: what, where, and what would be
/// right. The parser's own messages speak to people who program with it ("enable
/// `JsonReadFeature.…`"), so only what they are about is taken from them.
final class JsonMistake {
  private static final String VALUE =
      "a value is expected: a string in double quotes, a number, true, false, null, a list or an"
          + " object";
  private static final String NUMBER =
      "this is not how JSON writes numbers: 12, -0.5 and 1e3 are right, +1, 01, .5, 5. and 0x1 are"
          + " not";

  /// What a message contains, and what is said instead. The first that fits counts.
  private record Meaning(String part, String said) {}

  private static final List<Meaning> MEANINGS =
      List.of(
          new Meaning(
              "Non-standard token",
              "NaN and Infinity are no numbers in JSON: send a finite one, or leave the field out"),
          new Meaning("end-of-input", "it ends too early: a quote or a closing bracket is missing"),
          new Meaning("Trailing token", "one object is expected, and something follows it"),
          new Meaning("to close", "this bracket closes nothing"),
          new Meaning("close marker '}'", "this } closes a list: ] is expected"),
          new Meaning("close marker ']'", "this ] closes an object: } is expected"),
          new Meaning("colon", "a colon is expected between a name and its value"),
          new Meaning(
              "property name",
              "the name of a field is expected, in double quotes (and no comma before a })"),
          new Meaning("comma", "a comma or a closing bracket is expected"),
          new Meaning("comment", "JSON has no comments: leave them out"),
          new Meaning(
              "Illegal unquoted character",
              "a control character in a string: write a line break as \\n, a tab as \\t, others as"
                  + " \\u and four hex digits"),
          new Meaning(
              "escape",
              "no such escape: after a backslash come \" \\ / b f n r t, or u and four hex digits"),
          new Meaning("UTF-8", "these bytes are not UTF-8"),
          new Meaning("UTF-32", "these bytes are not UTF-8"),
          new Meaning("numeric value", NUMBER),
          new Meaning("hexadecimal", NUMBER),
          new Meaning("expected a v", VALUE),
          new Meaning("was expecting (", VALUE));

  private static final Pattern LIMIT = Pattern.compile("^(\\w+).*maximum allowed \\((\\d+)");

  private JsonMistake() {}

  /// @param at where the parser had come to, if the exception does not say
  static String of(JacksonException e, @Nullable TokenStreamLocation at) {
    String message = String.valueOf(e.getOriginalMessage());
    var location = e.getLocation() == null ? at : e.getLocation();
    return (e instanceof StreamConstraintsException ? limit(message) : meaning(message))
        + where(location);
  }

  private static String meaning(String message) {
    return MEANINGS.stream()
        .filter(meaning -> message.contains(meaning.part))
        .findFirst()
        .map(Meaning::said)
        .orElse("this is not expected here");
  }

  private static String limit(String message) {
    var found = LIMIT.matcher(message);
    if (!found.find()) {
      return "something is too large";
    }
    String most = found.group(2);
    return switch (found.group(1)) {
      case "Document" -> "lists and objects nest deeper than " + most + " levels: nest less";
      case "Number" -> "a number of more than " + most + " characters";
      case "Name" -> "a name of more than " + most + " characters";
      default -> "something has more than " + most + " characters";
    };
  }

  private static String where(@Nullable TokenStreamLocation at) {
    return at == null || at.getLineNr() < 1
        ? ""
        : " (line %d, column %d)".formatted(at.getLineNr(), at.getColumnNr());
  }
}
