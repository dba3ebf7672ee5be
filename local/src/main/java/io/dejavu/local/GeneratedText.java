package io.dejavu.local;

import io.dejavu.engine.FinishReason;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// A text that a model wrote.
///
/// @param text without the stop string that ended it
/// @param tokens generated, the one that ended it included
/// @param promptTokens that it continues
/// @param cachedTokens of them, not computed again
/// @param seed that gives the same text again
/// @param finish why it ended
/// @param stop the stop string that ended it; null: something else did
public record GeneratedText(
    String text,
    List<Integer> tokens,
    int promptTokens,
    int cachedTokens,
    long seed,
    FinishReason finish,
    @Nullable String stop) {
  public GeneratedText {
    tokens = List.copyOf(tokens);
  }
}
