package io.dejavu.api;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.dejavu.model.Tokenizer;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import org.jspecify.annotations.Nullable;

/// How single tokens are named in logprobs: by their text. Special tokens have the vocabulary's
/// name (`</s>`), parts of characters OpenAI's form `bytes:\xe2\x80`.
///
/// @param tokenizer null: by their ids, as vLLM's `token_id:17`
record TokenTexts(@Nullable Tokenizer tokenizer) {
  /// The bytes that a token stands for; null if tokens are named by their ids.
  byte @Nullable [] bytes(int id) {
    if (tokenizer == null || id >= tokenizer.vocabularySize()) {
      return null;
    }
    return tokenizer.isSpecial(id)
        ? tokenizer.token(id).getBytes(UTF_8)
        : tokenizer.bytes(id, false);
  }

  String of(int id) {
    if (tokenizer == null || id >= tokenizer.vocabularySize()) {
      return "token_id:" + id;
    }
    if (tokenizer.isSpecial(id)) {
      return tokenizer.token(id);
    }
    byte[] bytes = tokenizer.bytes(id, false);
    try {
      return UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException _) {
      var text = new StringBuilder("bytes:");
      for (byte b : bytes) {
        text.append("\\x%02x".formatted(b));
      }
      return text.toString();
    }
  }
}
