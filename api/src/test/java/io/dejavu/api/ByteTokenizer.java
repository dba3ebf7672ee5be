package io.dejavu.api;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.dejavu.model.Tokenizer;
import java.io.ByteArrayOutputStream;

/// A token is a byte of UTF-8; two more are `</s>` and `<s>`, which every text begins with.
final class ByteTokenizer implements Tokenizer {
  static final int END = 256;
  static final int BEGIN = 257;

  @Override
  public int[] encode(String text, boolean specialTokens) {
    byte[] bytes = text.getBytes(UTF_8);
    int start = specialTokens ? 1 : 0;
    var ids = new int[bytes.length + start];
    for (int i = 0; i < bytes.length; i++) {
      ids[start + i] = Byte.toUnsignedInt(bytes[i]);
    }
    if (specialTokens) {
      ids[0] = BEGIN;
    }
    return ids;
  }

  @Override
  public String decode(int[] ids, boolean skipSpecial) {
    var bytes = new ByteArrayOutputStream();
    for (int id : ids) {
      bytes.writeBytes(skipSpecial && isSpecial(id) ? new byte[0] : bytes(id, false));
    }
    return bytes.toString(UTF_8);
  }

  @Override
  public String token(int id) {
    return switch (id) {
      case END -> "</s>";
      case BEGIN -> "<s>";
      default -> id < 256 ? "<0x%02X>".formatted(id) : "";
    };
  }

  @Override
  public byte[] bytes(int id, boolean first) {
    return id < 256 ? new byte[] {(byte) id} : token(id).getBytes(UTF_8);
  }

  @Override
  public int id(String token) {
    return token.equals("</s>") ? END : token.equals("<s>") ? BEGIN : -1;
  }

  @Override
  public boolean isSpecial(int id) {
    return id == END || id == BEGIN;
  }

  @Override
  public int vocabularySize() {
    return 258;
  }

  @Override
  public void close() {}
}
