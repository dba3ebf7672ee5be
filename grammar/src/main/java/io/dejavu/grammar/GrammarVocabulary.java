package io.dejavu.grammar;

import io.dejavu.model.Tokenizer;
import java.util.Arrays;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/// The tokens of a tokenizer as the bytes that they add to a text, ordered for a walk through all
/// of them. Made once per tokenizer (a tenth of a second for 128k tokens, some 150 bytes per
/// token); immutable.
public final class GrammarVocabulary {
  private final int size;
  private final TokenTrie later;
  private final TokenTrie first;

  private GrammarVocabulary(int size, TokenTrie later, TokenTrie first) {
    this.size = size;
    this.later = later;
    this.first = first;
  }

  /// All tokens of `tokenizer`, but for those that steer the model: these are never part of a text
  /// that follows a grammar.
  public static GrammarVocabulary of(Tokenizer tokenizer) {
    int size = tokenizer.vocabularySize();
    var later = new TokenTrie(size, id -> text(tokenizer, id, false));
    for (int id = 0; id < size; id++) {
      var alone = text(tokenizer, id, true);
      if (alone != null && !Arrays.equals(alone, later.bytes(id))) {
        return new GrammarVocabulary(
            size, later, new TokenTrie(size, token -> text(tokenizer, token, true)));
      }
    }
    return new GrammarVocabulary(size, later, later);
  }

  /// @param bytes what each id from 0 to `size` - 1 adds to a text; null or empty: it is never part
  ///   of one
  public static GrammarVocabulary of(int size, IntFunction<byte @Nullable []> bytes) {
    var trie = new TokenTrie(size, bytes);
    return new GrammarVocabulary(size, trie, trie);
  }

  private static byte @Nullable [] text(Tokenizer tokenizer, int id, boolean first) {
    return tokenizer.isSpecial(id) ? null : tokenizer.bytes(id, first);
  }

  /// One more than the largest id.
  public int size() {
    return size;
  }

  /// @param beginning whether of a text's first token, of which some tokenizers drop a space
  TokenTrie trie(boolean beginning) {
    return beginning ? first : later;
  }
}
