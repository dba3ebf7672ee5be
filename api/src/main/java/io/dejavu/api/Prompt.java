package io.dejavu.api;

import io.dejavu.model.Tokenizer;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// What is to be continued.
///
/// @param text as the client wrote it; null if it sent token ids
record Prompt(@Nullable String text, int[] ids) {
  private static final String SHAPES =
      "a string, a list of strings, a list of token ids or a list of such lists";

  /// A token stands for fewer characters than this. Longer texts are refused before they are
  /// tokenized.
  private static final int CHARACTERS_OF_TOKEN = 256;

  /// What makes token ids of a text.
  interface Encoder {
    int[] encode(Tokenizer tokenizer, String text, boolean specialTokens)
        throws InterruptedException;
  }

  /// Reads the field `prompt` in all its four shapes.
  ///
  /// @param most prompts
  static List<Prompt> all(JsonFields fields, CompletionRequest.Limits limits, int most)
      throws InterruptedException {
    return all("prompt", fields, limits, most);
  }

  /// Reads a field in all its four shapes.
  ///
  /// @param name of the field
  /// @param most prompts
  static List<Prompt> all(String name, JsonFields fields, CompletionRequest.Limits limits, int most)
      throws InterruptedException {
    JsonNode node = fields.get(name);
    if (node == null) {
      throw HttpError.missing(name);
    }
    boolean specialTokens = fields.flag("add_special_tokens", true);
    var prompts = new ArrayList<Prompt>();
    if (node.isString()) {
      prompts.add(ofText(name, node.stringValue(), limits, specialTokens));
    } else if (!node.isArray()) {
      throw JsonFields.wrongType(name, SHAPES, node);
    } else if (node.isEmpty()) {
      throw HttpError.invalid(name, name + " is an empty list");
    } else if (node.get(0).isNumber()) {
      prompts.add(ofIds(name, node, limits));
    } else if (node.size() > most) {
      throw HttpError.invalid(
          name, "%s has %d entries, at most %d".formatted(name, node.size(), most));
    } else {
      for (JsonNode entry : node) {
        prompts.add(
            entry.isString()
                ? ofText(name, entry.stringValue(), limits, specialTokens)
                : ofIds(name, entry, limits));
      }
    }
    return prompts;
  }

  /// @param field that the text comes from
  static Prompt ofText(
      String field, String text, CompletionRequest.Limits limits, boolean specialTokens)
      throws InterruptedException {
    Tokenizer tokenizer = limits.model().tokenizer();
    if (tokenizer == null) {
      throw HttpError.unsupported(
          field,
          "model \"%s\" has no tokenizer: send prompts as token ids to /v1/completions"
              .formatted(limits.model().name()));
    }
    int maxContext = limits.maxContext();
    if (text.length() > (long) maxContext * CHARACTERS_OF_TOKEN) {
      throw tooLong(
          field,
          maxContext,
          "a prompt of %d characters is longer for sure".formatted(text.length()));
    }
    if (halfSurrogate(text)) {
      throw HttpError.invalid(field, field + " contains half of a surrogate pair");
    }
    int[] ids = limits.encoder().encode(tokenizer, text, specialTokens);
    checkLength(field, ids.length, maxContext);
    return new Prompt(text, ids);
  }

  private static Prompt ofIds(String name, JsonNode list, CompletionRequest.Limits limits) {
    if (!list.isArray()) {
      throw JsonFields.wrongType(name, SHAPES, list);
    }
    checkLength(name, list.size(), limits.maxContext()); // before the list is converted
    var ids = new int[list.size()];
    for (int i = 0; i < ids.length; i++) {
      ids[i] = JsonFields.integer(name, list.get(i), 0, limits.model().vocabulary() - 1);
    }
    return new Prompt(null, ids);
  }

  private static void checkLength(String field, int tokens, int maxContext) {
    if (tokens == 0) {
      throw HttpError.invalid(field, field + " is empty");
    }
    if (tokens > maxContext) {
      throw tooLong(field, maxContext, "the prompt has %d tokens".formatted(tokens));
    }
  }

  static HttpError tooLong(String field, int maxContext, String why) {
    return new HttpError(
        400,
        "invalid_request_error",
        "the context holds %d tokens: %s".formatted(maxContext, why),
        field,
        "context_length_exceeded");
  }

  static boolean halfSurrogate(String text) {
    return text.codePoints()
        .anyMatch(c -> c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE);
  }
}
