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
  /// @param encoder of texts
  static List<Prompt> all(
      JsonFields fields, ServedModel model, Encoder encoder, int maxContext, int most)
      throws InterruptedException {
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
      prompts.add(ofText(node.stringValue(), model, encoder, maxContext, specialTokens));
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
                ? ofText(entry.stringValue(), model, encoder, maxContext, specialTokens)
                : ofIds(entry, model, maxContext));
      }
    }
    return prompts;
  }

  private static Prompt ofText(
      String text, ServedModel model, Encoder encoder, int maxContext, boolean specialTokens)
      throws InterruptedException {
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
    int[] ids = encoder.encode(tokenizer, text, specialTokens);
    checkLength(ids.length, maxContext);
    return new Prompt(text, ids);
  }

  private static Prompt ofIds(JsonNode list, ServedModel model, int maxContext) {
    if (!list.isArray()) {
      throw JsonFields.wrongType("prompt", SHAPES, list);
    }
    checkLength(list.size(), maxContext); // before the list is converted
    var ids = new int[list.size()];
    for (int i = 0; i < ids.length; i++) {
      ids[i] = JsonFields.integer("prompt", list.get(i), 0, model.vocabulary() - 1);
    }
    return new Prompt(null, ids);
  }

  private static void checkLength(int tokens, int maxContext) {
    if (tokens == 0) {
      throw HttpError.invalid("prompt", "prompt is empty");
    }
    if (tokens > maxContext) {
      throw tooLong(maxContext, "the prompt has %d tokens".formatted(tokens));
    }
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
