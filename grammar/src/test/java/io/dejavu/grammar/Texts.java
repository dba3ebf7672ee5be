package io.dejavu.grammar;

import io.dejavu.engine.TokenConstraint;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;

/// Vocabularies to try a grammar with, and texts made or read with them.
final class Texts {
  /// Each byte a token, and one that ends.
  static final List<byte[]> BYTES = bytes();

  private Texts() {}

  /// Tokens as bytes, and the vocabulary of them. The end token comes after the last.
  record Tokens(List<byte[]> bytes, GrammarVocabulary vocabulary) {
    static Tokens of(List<byte[]> bytes) {
      return new Tokens(bytes, GrammarVocabulary.of(bytes.size(), bytes::get));
    }

    int end() {
      return bytes.size();
    }

    TokenConstraint start(Grammar grammar) {
      return TokenGrammar.constraint(grammar, vocabulary, Set.of(end()));
    }
  }

  static final Tokens BYTE_TOKENS = Tokens.of(BYTES);

  private static List<byte[]> bytes() {
    var all = new ArrayList<byte[]>();
    for (int b = 0; b < 256; b++) {
      all.add(new byte[] {(byte) b});
    }
    return List.copyOf(all);
  }

  /// Bytes, and pieces of `texts` cut anywhere, also within characters.
  static Tokens pieces(Random random, int count, String... texts) {
    var all = new ArrayList<>(BYTES);
    var joined = String.join("", texts).getBytes(StandardCharsets.UTF_8);
    for (int i = 0; i < count; i++) {
      int length = Math.min(2 + random.nextInt(6), joined.length);
      int from = random.nextInt(joined.length - length + 1);
      var piece = new byte[length];
      System.arraycopy(joined, from, piece, 0, length);
      all.add(piece);
    }
    return Tokens.of(all);
  }

  static boolean isAllowed(long[] mask, int token) {
    return token / Long.SIZE < mask.length && (mask[token / Long.SIZE] >>> token & 1) != 0;
  }

  /// Whether a text is one of the grammar's, read byte by byte.
  static boolean matches(Grammar grammar, String text) {
    return matches(new Machine(NetworkBuilder.build(grammar.part())), text);
  }

  static boolean matches(Machine machine, String text) {
    var state = machine.start();
    for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
      state = machine.after(state, b);
      if (state == null) {
        return false;
      }
    }
    return state.mayEnd();
  }

  /// A text drawn at random from what is allowed, or "" and a bang if it did not end in time.
  static String walk(Tokens tokens, Grammar grammar, Random random, int most) {
    return walk(tokens, tokens.start(grammar), random, most);
  }

  static String walk(Tokens tokens, TokenConstraint state, Random random, int most) {
    var text = new ByteArrayOutputStream();
    for (int i = 0; i < most && !state.isComplete(); i++) {
      int token = draw(tokens, state.allowed(), random);
      if (token == tokens.end()) {
        return strict(text.toByteArray());
      }
      text.writeBytes(tokens.bytes().get(token));
      state = state.after(token);
    }
    return state.isComplete() ? strict(text.toByteArray()) : "!";
  }

  // Ends when it may, half of the time, and prefers single bytes a bit: brackets close earlier.
  private static int draw(Tokens tokens, long[] mask, Random random) {
    if (isAllowed(mask, tokens.end()) && random.nextBoolean()) {
      return tokens.end();
    }
    var allowed = new ArrayList<Integer>();
    for (int id = 0; id <= tokens.end(); id++) {
      if (isAllowed(mask, id)) {
        allowed.add(id);
      }
    }
    for (byte b : "\"]},".getBytes(StandardCharsets.UTF_8)) {
      if (allowed.contains((int) b) && random.nextInt(6) == 0) {
        return b;
      }
    }
    if (allowed.isEmpty()) {
      throw new AssertionError("nothing allowed");
    }
    return allowed.get(random.nextInt(allowed.size()));
  }

  private static String strict(byte[] bytes) {
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      throw new AssertionError("not UTF-8: " + new String(bytes, StandardCharsets.ISO_8859_1), e);
    }
  }
}
