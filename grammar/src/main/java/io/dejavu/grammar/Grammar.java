package io.dejavu.grammar;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import tools.jackson.databind.JsonNode;

/// Which texts a model may write. Immutable; [TokenGrammar] compiles one for a vocabulary.
///
/// Combined from small ones, as tool calls need it: any text, and after each `<tool_call>` a call.
///
/// ```java
/// var call = Grammar.sequence(Grammar.jsonSchema(schema), Grammar.literal("</tool_call>"));
/// var answer = Grammar.freeText("<tool_call>", call, 4);
/// TokenConstraint start = TokenGrammar.constraint(answer, vocabulary, endTokens);
/// ```
///
/// Which schemas and expressions are understood: `docs/structured-output.md`. All text is UTF-8,
/// and never ends within a character.
public final class Grammar {
  private static final int LONGEST_TRIGGER = 256;

  private final Part part;

  private Grammar(Part part) {
    this.part = part;
  }

  Part part() {
    return part;
  }

  /// Texts that match a regular expression from beginning to end.
  ///
  /// @throws GrammarException if it is not understood or too large
  public static Grammar regex(String expression) {
    return new Grammar(Regex.parse(expression));
  }

  /// JSON that is valid against a schema. Objects without `additionalProperties` may have any
  /// further properties.
  ///
  /// @param schema as JSON
  /// @throws GrammarException if it is not JSON, not supported or too large; names the place
  public static Grammar jsonSchema(String schema) {
    return jsonSchema(schema, false);
  }

  /// @param strict whether objects without `additionalProperties` have no further properties
  public static Grammar jsonSchema(String schema, boolean strict) {
    return jsonSchema(JsonText.read(schema), strict);
  }

  /// As {@link #jsonSchema(String)}.
  public static Grammar jsonSchema(JsonNode schema) {
    return jsonSchema(schema, false);
  }

  /// As {@link #jsonSchema(String, boolean)}.
  public static Grammar jsonSchema(JsonNode schema, boolean strict) {
    var value = new SchemaReader(schema, strict).read();
    return new Grammar(Part.sequence(Part.SPACE, value));
  }

  /// Any JSON value.
  public static Grammar anyJson() {
    return new Grammar(Part.sequence(Part.SPACE, JsonText.VALUE));
  }

  /// Any JSON object.
  public static Grammar anyJsonObject() {
    return new Grammar(Part.sequence(Part.SPACE, JsonText.OBJECT));
  }

  /// Exactly this text.
  public static Grammar literal(String text) {
    return new Grammar(Part.literal(wellFormed(text)));
  }

  /// One after the other.
  public static Grammar sequence(Grammar... grammars) {
    return new Grammar(Part.sequence(parts(Arrays.asList(grammars))));
  }

  /// One of them.
  public static Grammar choice(Grammar... grammars) {
    return choice(Arrays.asList(grammars));
  }

  /// One of them.
  public static Grammar choice(List<Grammar> grammars) {
    return new Grammar(Part.choice(parts(grammars)));
  }

  /// One or nothing.
  public static Grammar optional(Grammar grammar) {
    return repeat(grammar, 0, 1);
  }

  /// Several, one after the other.
  ///
  /// @param most -1: any number
  public static Grammar repeat(Grammar grammar, int least, int most) {
    if (least < 0 || most >= 0 && most < least || Math.max(least, most) > Limits.REPEATS) {
      throw new GrammarException(
          "repeats from %d to %d, at most %,d".formatted(least, most, Limits.REPEATS));
    }
    return new Grammar(Part.repeat(grammar.part, least, most));
  }

  /// Any text, the empty one included.
  public static Grammar text() {
    return new Grammar(Part.repeat(Part.one(CodePoints.ALL), 0, -1));
  }

  /// Any text up to and including the first `trigger`.
  public static Grammar textUntil(String trigger) {
    return new Grammar(Part.until(checked(trigger)));
  }

  /// Any text in which `trigger` does not occur, the empty one included.
  public static Grammar textWithout(String trigger) {
    return new Grammar(Part.without(checked(trigger)));
  }

  /// Any text in which each `trigger` is followed by `then`: what a model writes that may call
  /// tools.
  ///
  /// @param most how often: afterwards the text goes on without `trigger`; -1: any number
  public static Grammar freeText(String trigger, Grammar then, int most) {
    return sequence(repeat(sequence(textUntil(trigger), then), 0, most), textWithout(trigger));
  }

  private static String checked(String trigger) {
    if (trigger.isEmpty() || trigger.length() > LONGEST_TRIGGER) {
      throw new GrammarException(
          "a trigger of %d characters, expected 1 to %d"
              .formatted(trigger.length(), LONGEST_TRIGGER));
    }
    return wellFormed(trigger);
  }

  private static String wellFormed(String text) {
    if (text.codePoints().anyMatch(point -> !CodePoints.ALL.contains(point))) {
      throw new GrammarException("half of a surrogate pair in a text");
    }
    return text;
  }

  private static List<Part> parts(List<Grammar> grammars) {
    var parts = new ArrayList<Part>();
    for (var grammar : grammars) {
      parts.add(grammar.part);
    }
    return parts;
  }
}
