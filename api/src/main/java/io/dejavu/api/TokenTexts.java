package io.dejavu.api;

import io.dejavu.model.Tokenizer;
import org.jspecify.annotations.Nullable;

/// How single tokens are named in logprobs.
///
/// @param tokenizer null: by their ids, as `token_id:17`
record TokenTexts(@Nullable Tokenizer tokenizer) {
  String of(int id) {
    return tokenizer == null ? "token_id:" + id : tokenizer.decode(id);
  }
}
