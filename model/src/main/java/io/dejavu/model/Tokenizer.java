package io.dejavu.model;

/// Text to token ids and back. Safe for any number of threads, until it is closed.
///
/// What a model generates arrives token by token, and a token may end in the middle of a character:
/// [TextDecoder] turns such a stream into text.
public interface Tokenizer extends AutoCloseable {
  /// Ids of `text`, all of them: nothing is cut or padded. A half of a surrogate pair counts as
  /// U+FFFD.
  ///
  /// @param specialTokens whether to add what the model wants around a text, such as `<s>`; special
  ///   tokens written out in the text count as such in any case
  int[] encode(String text, boolean specialTokens);

  /// Text of a whole sequence. Ids that stand for nothing are skipped.
  ///
  /// @param skipSpecial whether to leave special tokens out
  String decode(int[] ids, boolean skipSpecial);

  /// A token as the vocabulary writes it (`Ġthe`, `▁the`, `<0x0A>`); empty if there is none.
  String token(int id);

  /// The bytes (UTF-8, perhaps a part of a character) that a token adds to a text.
  ///
  /// @param first whether it is the first of the text: some tokenizers drop a space there
  byte[] bytes(int id, boolean first);

  /// The id of a token as the vocabulary writes it, or -1.
  int id(String token);

  /// Whether it steers the model and is no part of the text, such as `</s>`.
  boolean isSpecial(int id);

  /// One more than the largest id. The model's vocabulary may be larger: padded.
  int vocabularySize();

  @Override
  void close();
}
