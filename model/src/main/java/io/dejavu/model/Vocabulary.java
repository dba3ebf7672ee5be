package io.dejavu.model;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;

/// The tokens of a `tokenizer.json`, and what its decoder makes of one: what the library, which
/// reads the same file, does not tell.
final class Vocabulary {
  private static final int MOST_TOKENS = 1 << 24;

  private final Path file;
  private final TokenizerChecks checks;
  private String[] tokens = new String[1024];
  private final BitSet special = new BitSet();
  private int size;
  private boolean byteLevel;
  private boolean byteFallback;
  private @Nullable Map<String, Integer> ids;

  private Vocabulary(Path file) {
    this.file = file;
    this.checks = new TokenizerChecks(file);
  }

  static Vocabulary read(Path file, byte[] json) {
    var vocabulary = new Vocabulary(file);
    try (var parser = JsonFile.parser(json)) {
      vocabulary.parse(parser);
    } catch (JacksonException e) {
      throw JsonFile.invalid(file, e);
    }
    if (vocabulary.size == 0) {
      throw new CheckpointException(file, "has no vocabulary");
    }
    return vocabulary;
  }

  int size() {
    return size;
  }

  /// Null if no token has this id.
  @Nullable String token(int id) {
    return id < 0 || id >= size ? null : tokens[id];
  }

  /// An id that the library gave: its post-processor may add any number.
  int checked(long id) {
    if (id < 0 || id >= size) {
      throw new CheckpointException(
          file, "adds the token id %d, but its vocabulary ends at %d".formatted(id, size - 1));
    }
    return (int) id;
  }

  int id(String token) {
    if (ids == null) {
      var map = HashMap.<String, Integer>newHashMap(size);
      for (int id = 0; id < size; id++) {
        if (tokens[id] != null) {
          map.put(tokens[id], id);
        }
      }
      ids = map;
    }
    return ids.getOrDefault(token, -1);
  }

  boolean isSpecial(int id) {
    return id >= 0 && special.get(id);
  }

  /// The bytes that `token` always stands for, or null if the decoder looks at more than the token.
  byte @Nullable [] bytes(String token) {
    if (byteLevel) {
      return ByteLevel.bytes(token);
    }
    if (byteFallback && token.length() == 6 && token.startsWith("<0x") && token.endsWith(">")) {
      int high = Character.digit(token.charAt(3), 16);
      int low = Character.digit(token.charAt(4), 16);
      return high < 0 || low < 0 ? null : new byte[] {(byte) (high << 4 | low)};
    }
    return null;
  }

  private void parse(JsonParser json) {
    if (json.nextToken() != JsonToken.START_OBJECT) {
      throw new CheckpointException(file, "is not a JSON object");
    }
    while (json.nextToken() == JsonToken.PROPERTY_NAME) {
      var key = json.currentName();
      json.nextToken();
      switch (key) {
        case "added_tokens" -> addedTokens(json);
        case "decoder" -> {
          var kinds = checks.decoder(json);
          byteLevel = kinds.contains("ByteLevel");
          byteFallback = kinds.contains("ByteFallback");
        }
        case "model" -> model(json);
        case "post_processor" -> checks.postProcessor(json);
        default -> checks.skip(json);
      }
    }
    if (json.nextToken() != null) {
      throw new CheckpointException(file, "goes on after its JSON object");
    }
  }

  private void model(JsonParser json) {
    if (json.currentToken() != JsonToken.START_OBJECT) {
      return;
    }
    while (json.nextToken() == JsonToken.PROPERTY_NAME) {
      var key = json.currentName();
      var value = json.nextToken();
      if (key.equals("vocab") && value == JsonToken.START_OBJECT) {
        while (json.nextToken() == JsonToken.PROPERTY_NAME) {
          var token = checks.wellFormed(json.currentName());
          json.nextToken();
          put(id(json, token), token);
        }
      } else if (key.equals("vocab") && value == JsonToken.START_ARRAY) {
        scoredTokens(json);
      } else if (key.equals("continuing_subword_prefix")) {
        checks.prefix(json);
      } else {
        checks.skip(json);
      }
    }
  }

  /// Unigram: a list of `[token, score]`, whose order gives the ids.
  private void scoredTokens(JsonParser json) {
    for (int id = 0; json.nextToken() == JsonToken.START_ARRAY; id++) {
      if (json.nextToken() == JsonToken.VALUE_STRING) {
        put(checked(id, "vocab"), checks.wellFormed(json.getString()));
      }
      while (json.nextToken() != JsonToken.END_ARRAY) {
        checks.skip(json);
      }
    }
  }

  private void addedTokens(JsonParser json) {
    if (json.currentToken() != JsonToken.START_ARRAY) {
      return;
    }
    while (json.nextToken() == JsonToken.START_OBJECT) {
      var content = "";
      int id = -1;
      boolean steers = false;
      while (json.nextToken() == JsonToken.PROPERTY_NAME) {
        var key = json.currentName();
        json.nextToken();
        switch (key) {
          case "content" -> content = checks.wellFormed(json.getString());
          case "id" -> id = id(json, "added_tokens");
          case "special" -> steers = json.currentToken() == JsonToken.VALUE_TRUE;
          default -> checks.skip(json);
        }
      }
      if (id >= 0) {
        put(id, content);
        special.set(id, steers);
      }
    }
  }

  private int id(JsonParser json, String where) {
    if (json.currentToken() != JsonToken.VALUE_NUMBER_INT
        || json.getNumberType() != JsonParser.NumberType.INT) {
      throw new CheckpointException(file, "the id of \"%s\" is not a number".formatted(where));
    }
    return checked(json.getIntValue(), where);
  }

  private int checked(int id, String where) {
    if (id < 0 || id >= MOST_TOKENS) {
      throw new CheckpointException(
          file, "\"%s\" has id %d, expected less than %,d".formatted(where, id, MOST_TOKENS));
    }
    return id;
  }

  private void put(int id, String token) {
    if (id >= tokens.length) {
      tokens = Arrays.copyOf(tokens, Math.max(2 * tokens.length, id + 1));
    }
    tokens[id] = token;
    size = Math.max(size, id + 1);
  }

  /// Byte-level BPE writes each byte as one printable character: those that are printable in
  /// Latin-1 as themselves, the others from U+0100 on.
  ///
  /// Source: GPT-2, encoder.py, `bytes_to_unicode`.
  private static final class ByteLevel {
    private static final short[] BYTES = new short[0x144];

    static {
      Arrays.fill(BYTES, (short) -1);
      int other = 0x100;
      for (int b = 0; b < 256; b++) {
        boolean itself = b >= '!' && b <= '~' || b >= 0xa1 && b <= 0xac || b >= 0xae && b <= 0xff;
        BYTES[itself ? b : other++] = (short) b;
      }
    }

    /// Of a token with any other character (an added one), its UTF-8.
    static byte[] bytes(String token) {
      var bytes = new byte[token.length()];
      for (int i = 0; i < bytes.length; i++) {
        char c = token.charAt(i);
        int b = c < BYTES.length ? BYTES[c] : -1;
        if (b < 0) {
          return token.getBytes(StandardCharsets.UTF_8);
        }
        bytes[i] = (byte) b;
      }
      return bytes;
    }
  }
}
