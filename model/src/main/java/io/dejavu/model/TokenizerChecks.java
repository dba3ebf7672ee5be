package io.dejavu.model;

import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;

/// Refuses what is valid JSON, but what the native tokenizer library (0.21) answers by aborting the
/// whole process: a failed assertion of its own ends at the border of Java, where nothing can catch
/// it. These are the cases that damaged files brought to light.
final class TokenizerChecks {
  private final Path file;

  TokenizerChecks(Path file) {
    this.file = file;
  }

  /// Passes over a value whose strings are whole characters and whose numbers a double holds.
  void skip(JsonParser json) {
    int depth = 0;
    do {
      switch (json.currentToken()) {
        case START_OBJECT, START_ARRAY -> depth++;
        case END_OBJECT, END_ARRAY -> depth--;
        case PROPERTY_NAME -> wellFormed(json.currentName());
        case VALUE_STRING -> wellFormed(json.getString());
        case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> finite(json.getDoubleValue());
        case VALUE_TRUE, VALUE_FALSE, VALUE_NULL -> {}
        case NOT_AVAILABLE, VALUE_EMBEDDED_OBJECT ->
            throw new IllegalStateException("no JSON: " + json.currentToken());
      }
    } while (depth > 0 && json.nextToken() != null);
  }

  /// The kinds of decoders there are: one, or a sequence of them.
  Set<String> decoder(JsonParser json) {
    var tree = JsonFile.value(json);
    check(tree);
    var kinds = new HashSet<String>();
    decoders(tree, kinds);
    return kinds;
  }

  private void decoders(Object decoder, Set<String> kinds) {
    if (!(decoder instanceof Map<?, ?> map)) {
      return;
    }
    if (map.get("type") instanceof String type) {
      kinds.add(type);
      if (type.equals("Strip") && !Objects.equals(map.get("stop"), 0L)) {
        // It would look for what to strip in front of an empty text.
        throw new CheckpointException(
            file, "\"decoder\" strips the end of a text; the tokenizer library cannot");
      }
    }
    if (map.get("decoders") instanceof List<?> sequence) {
      sequence.forEach(each -> decoders(each, kinds));
    }
  }

  /// What a BPE model puts in front of all but the first token of a word: nothing.
  void prefix(JsonParser json) {
    if (json.currentToken() == JsonToken.VALUE_STRING && !json.getString().isEmpty()) {
      throw new CheckpointException(
          file, "\"continuing_subword_prefix\" of a BPE model is not empty");
    }
    skip(json);
  }

  /// A post-processor whose templates name only special tokens that they also describe.
  void postProcessor(JsonParser json) {
    var tree = JsonFile.value(json);
    check(tree);
    templates(tree);
  }

  private void templates(Object processor) {
    if (!(processor instanceof Map<?, ?> map)) {
      return;
    }
    if (map.get("processors") instanceof List<?> processors) {
      processors.forEach(this::templates);
    }
    for (var template : List.of("single", "pair")) {
      if (map.get(template) instanceof List<?> pieces) {
        pieces.forEach(piece -> known(piece, map.get("special_tokens")));
      }
    }
    if (map.get("single") instanceof List<?> pieces
        && pieces.stream().anyMatch(TokenizerChecks::isSecondText)) {
      throw new CheckpointException(
          file, "\"post_processor\" wants a second text beside a single one");
    }
  }

  private static boolean isSecondText(Object piece) {
    return piece instanceof Map<?, ?> map
        && map.get("Sequence") instanceof Map<?, ?> text
        && "B".equals(text.get("id"));
  }

  private void known(Object piece, @Nullable Object described) {
    if (piece instanceof Map<?, ?> map
        && map.get("SpecialToken") instanceof Map<?, ?> token
        && !(described instanceof Map<?, ?> tokens && tokens.containsKey(token.get("id")))) {
      throw new CheckpointException(
          file,
          "\"post_processor\" uses the token \"%s\", which its special_tokens do not describe"
              .formatted(token.get("id")));
    }
  }

  private void check(Object tree) {
    switch (tree) {
      case Map<?, ?> map ->
          map.forEach(
              (key, value) -> {
                wellFormed((String) key);
                check(value);
              });
      case List<?> list -> list.forEach(this::check);
      case String text -> wellFormed(text);
      case Number number -> finite(number.doubleValue());
      default -> {}
    }
  }

  String wellFormed(String text) {
    for (int i = 0; i < text.length(); i++) {
      if (Character.isSurrogate(text.charAt(i))) {
        char next = i + 1 < text.length() ? text.charAt(i + 1) : 0;
        if (!Character.isSurrogatePair(text.charAt(i), next)) {
          throw new CheckpointException(file, "holds half of a character: \"%s\"".formatted(text));
        }
        i++;
      }
    }
    return text;
  }

  private void finite(double number) {
    if (!Double.isFinite(number)) {
      throw new CheckpointException(file, "holds a number that is too large");
    }
  }
}
