package io.dejavu.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TextDecoderTest {
  @TempDir Path directory;

  @Test
  void aCharacterComesWithItsLastByte() throws IOException {
    try (var tokenizer = HuggingFaceTokenizer.open(TinyTokenizer.byteLevel(directory))) {
      var decoder = new TextDecoder(tokenizer, true);

      var pieces = pieces(decoder, tokenizer.encode("a😀你b", false));

      assertThat(pieces).containsExactly("a", "", "", "😀", "", "你", "b");
      assertThat(decoder.flush()).isEmpty();
    }
  }

  @Test
  void halfACharacterAtTheEndComesOutAsReplacementWhenFlushed() throws IOException {
    try (var tokenizer = HuggingFaceTokenizer.open(TinyTokenizer.byteLevel(directory))) {
      var decoder = new TextDecoder(tokenizer, true);

      assertThat(pieces(decoder, 3 + 'x', 262)).containsExactly("x", "");
      assertThat(decoder.flush()).isEqualTo("\ufffd");
      assertThat(decoder.flush()).isEmpty();
      assertThat(decoder.push(3 + 'y')).isEqualTo("y");
    }
  }

  @Test
  void aGenuineReplacementCharacterIsNotHeldBack() throws IOException {
    try (var tokenizer = HuggingFaceTokenizer.open(TinyTokenizer.byteLevel(directory))) {
      var decoder = new TextDecoder(tokenizer, true);

      assertThat(String.join("", pieces(decoder, tokenizer.encode("\ufffd", false))))
          .isEqualTo("\ufffd");
    }
  }

  @Test
  void bytesThatAreNoTextNeverPileUp() throws IOException {
    try (var tokenizer = HuggingFaceTokenizer.open(TinyTokenizer.byteLevel(directory))) {
      var decoder = new TextDecoder(tokenizer, true);

      for (int i = 0; i < 1000; i++) {
        assertThat(decoder.push(3 + 0xff)).isEqualTo("\ufffd");
      }
      assertThat(decoder.flush()).isEmpty();
    }
  }

  @Test
  void specialTokensAreSkippedOrShown() throws IOException {
    try (var tokenizer = HuggingFaceTokenizer.open(TinyTokenizer.byteLevel(directory))) {
      assertThat(pieces(new TextDecoder(tokenizer, true), 0, 261, 1))
          .containsExactly("", " the", "");
      assertThat(pieces(new TextDecoder(tokenizer, false), 0, 261, 1))
          .containsExactly("<s>", " the", "</s>");
    }
  }

  @Test
  void theFirstWordKeepsItsSpaceOnlyAfterAPrompt() throws IOException {
    try (var tokenizer = HuggingFaceTokenizer.open(TinyTokenizer.sentencePiece(directory))) {
      int world = tokenizer.id("▁world");

      assertThat(pieces(new TextDecoder(tokenizer, true), world, world))
          .containsExactly("world", " world");
      assertThat(pieces(new TextDecoder(tokenizer, true, 1), world)).containsExactly("world");
      assertThat(pieces(new TextDecoder(tokenizer, true, 1, world), world))
          .containsExactly(" world");
    }
  }

  @Test
  void fallbackBytesJoinToCharacters() throws IOException {
    try (var tokenizer = HuggingFaceTokenizer.open(TinyTokenizer.sentencePiece(directory))) {
      var ids = tokenizer.encode("Hello wörld 😀", true);

      var decoder = new TextDecoder(tokenizer, true);

      assertThat(String.join("", pieces(decoder, ids))).isEqualTo("Hello wörld 😀");
    }
  }

  @Test
  void joinedPiecesEqualTheWholeForAnyByteLevelTokens() throws IOException {
    var random = new Random(2026);
    try (var tokenizer = HuggingFaceTokenizer.open(TinyTokenizer.byteLevel(directory))) {
      for (int round = 0; round < 3000; round++) {
        var ids = random.ints(1 + random.nextInt(12), 0, 270).toArray();
        if (random.nextBoolean()) { // mostly bytes from 0x80 on
          for (int i = 0; i < ids.length; i++) {
            ids[i] = 3 + 0x80 + random.nextInt(128);
          }
        }
        boolean skip = random.nextBoolean();

        assertThat(streamed(tokenizer, ids, skip))
            .as("round %d", round)
            .isEqualTo(tokenizer.decode(ids, skip));
      }
    }
  }

  @Test
  void joinedPiecesEqualTheWholeForTextInSentencePieces() throws IOException {
    var random = new Random(2027);
    try (var tokenizer = HuggingFaceTokenizer.open(TinyTokenizer.sentencePiece(directory))) {
      for (int round = 0; round < 1000; round++) {
        var ids = tokenizer.encode(HuggingFaceTokenizerTest.text(random), random.nextBoolean());

        assertThat(streamed(tokenizer, ids, true))
            .as("round %d", round)
            .isEqualTo(tokenizer.decode(ids, true));
      }
    }
  }

  @Test
  void noPieceEverEndsWithinACharacter() throws IOException {
    var random = new Random(5);
    var model = Checkpoint.of(Path.of("../models/shakespeare-opt-7m"));
    try (var tokenizer = model.openTokenizer()) {
      for (int round = 0; round < 300; round++) {
        var text = HuggingFaceTokenizerTest.text(random);
        var decoder = new TextDecoder(tokenizer, true);
        for (var piece : pieces(decoder, tokenizer.encode(text, true))) {
          assertThat(new String(piece.getBytes(StandardCharsets.UTF_8), StandardCharsets.UTF_8))
              .isEqualTo(piece)
              .doesNotContain("\ufffd");
        }
      }
    }
  }

  private static String streamed(Tokenizer tokenizer, int[] ids, boolean skipSpecial) {
    var decoder = new TextDecoder(tokenizer, skipSpecial);
    return String.join("", pieces(decoder, ids)) + decoder.flush();
  }

  private static List<String> pieces(TextDecoder decoder, int... ids) {
    var pieces = new ArrayList<String>();
    for (int id : ids) {
      pieces.add(decoder.push(id));
    }
    return pieces;
  }
}
