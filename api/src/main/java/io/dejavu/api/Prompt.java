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

  /// Reads the field `prompt` in all its four shapes.
  ///
  /// @param most prompts
  static List<Prompt> all(JsonFields fields, ServedModel model, int maxContext, int most) {
    JsonNode node = fields.get("prompt");
    if (node == null) {
      throw new HttpError(
          400,
          "invalid_request_error",
          "prompt is missing",
          "prompt",
          "missing_required_parameter");
    }
    boolean specialTokens = fields.flag("add_special_tokens", true);
    var prompts = new ArrayList<Prompt>();
    if (node.isString()) {
      prompts.add(ofText(node.stringValue(), model, maxContext, specialTokens));
    } else if (!node.isArray()) {
      throw JsonFields.wrongType("prompt", SHAPES, node);
    } else if (node.isEmpty()) {
      throw HttpError.invalid("prompt", "prompt is an empty list");
    } else if (node.get(0).isNumber()) {
      prompts.add(ofIds(node, model, maxContext));
    } else if (node.size() > most) {
      throw HttpError.invalid(
          "prompt", "prompt has %d entries, at most %d".formatted(node.size(), most));
    } else {
      for (JsonNode entry : node) {
        prompts.add(
            entry.isString()
                ? ofText(entry.stringValue(), model, maxContext, specialTokens)
                : ofIds(entry, model, maxContext));
      }
    }
    return prompts;
  }

  private static Prompt ofText(
      String text, ServedModel model, int maxContext, boolean specialTokens) {
    Tokenizer tokenizer = model.tokenizer();
    if (tokenizer == null) {
      throw HttpError.unsupported(
          "prompt",
          "model \"%s\" has no tokenizer: send the prompt as token ids".formatted(model.name()));
    }
    if (text.length() > (long) maxContext * CHARACTERS_OF_TOKEN) {
      throw tooLong(
          maxContext, "a prompt of %d characters is longer for sure".formatted(text.length()));
    }
    if (halfSurrogate(text)) {
      throw HttpError.invalid("prompt", "prompt contains half of a surrogate pair");
    }
    return checked(new Prompt(text, tokenizer.encode(text, specialTokens)), maxContext);
  }

  private static Prompt ofIds(JsonNode list, ServedModel model, int maxContext) {
    if (!list.isArray()) {
      throw JsonFields.wrongType("prompt", SHAPES, list);
    }
    var ids = new int[list.size()];
    for (int i = 0; i < ids.length; i++) {
      ids[i] = JsonFields.integer("prompt", list.get(i), 0, model.vocabulary() - 1);
    }
    return checked(new Prompt(null, ids), maxContext);
  }

  private static Prompt checked(Prompt prompt, int maxContext) {
    if (prompt.ids.length == 0) {
      throw HttpError.invalid("prompt", "prompt is empty");
    }
    if (prompt.ids.length > maxContext) {
      throw tooLong(maxContext, "the prompt has %d tokens".formatted(prompt.ids.length));
    }
    return prompt;
  }

  static HttpError tooLong(int maxContext, String why) {
    return new HttpError(
        400,
        "invalid_request_error",
        "the context holds %d tokens: %s".formatted(maxContext, why),
        "prompt",
        "context_length_exceeded");
  }

  private static boolean halfSurrogate(String text) {
    return text.codePoints()
        .anyMatch(c -> c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE);
  }
}
