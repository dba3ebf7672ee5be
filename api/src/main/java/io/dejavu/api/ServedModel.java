package io.dejavu.api;

import io.dejavu.model.Tokenizer;
import io.dejavu.tensor.Sampling;
import java.time.Instant;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// What the HTTP edge knows about the model behind an engine.
///
/// @param name under which clients ask for it
/// @param created reported to clients
/// @param fingerprint changes whenever the same request may get other tokens
/// @param vocabulary number of token ids
/// @param endTokens ids that end a sequence unless the client ignores them
/// @param tokenizer null if the checkpoint has none: prompts are token ids then
/// @param sampling where a request says nothing
/// @param chat how the model chats; null if it does not
public record ServedModel(
    String name,
    Instant created,
    String fingerprint,
    int vocabulary,
    Set<Integer> endTokens,
    @Nullable Tokenizer tokenizer,
    Sampling sampling,
    @Nullable ChatFormat chat) {
  public ServedModel {
    if (name.isBlank()) {
      throw new IllegalArgumentException("the model has no name");
    }
    endTokens = Set.copyOf(endTokens);
  }
}
