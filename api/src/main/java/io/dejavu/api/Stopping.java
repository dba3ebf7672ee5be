package io.dejavu.api;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/// What ends a continuation before its last token.
///
/// @param strings not part of the text unless `keep`
/// @param named token ids that the client named
/// @param ids all token ids that end a continuation
/// @param minTokens nothing ends it before so many
/// @param keep whether a stop string stays in the text
record Stopping(
    List<String> strings, Set<Integer> named, Set<Integer> ids, int minTokens, boolean keep) {
  static final int MAX_STOPS = 16;
  static final int MAX_STOP_IDS = 128;

  /// Whether the text itself can be the end, and not only the engine.
  boolean watchesText() {
    return !strings.isEmpty();
  }

  /// @param usual strings that end an answer unless the client ignores the model's ends
  static Stopping of(JsonFields fields, ServedModel model, int maxTokens, List<String> usual) {
    int minTokens = fields.integer("min_tokens", 0, 0, Integer.MAX_VALUE);
    if (minTokens > maxTokens) {
      throw HttpError.invalid(
          "min_tokens", "min_tokens is %d, max_tokens %d".formatted(minTokens, maxTokens));
    }
    var strings = new ArrayList<>(fields.texts("stop", MAX_STOPS));
    if (!strings.isEmpty() && model.tokenizer() == null) {
      throw HttpError.unsupported(
          "stop", "model \"%s\" has no tokenizer: use stop_token_ids".formatted(model.name()));
    }
    var named = Set.copyOf(fields.ids("stop_token_ids", MAX_STOP_IDS, model.vocabulary()));
    var ids = new HashSet<Integer>(named);
    if (!fields.flag("ignore_eos", false)) {
      ids.addAll(model.endTokens());
      strings.addAll(usual);
    }
    return new Stopping(
        strings, named, ids, minTokens, fields.flag("include_stop_str_in_output", false));
  }
}
