package io.dejavu.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HuggingFaceTokenizerTest {
  private static final Path BUNDLED = Path.of("../models/shakespeare-opt-7m");

  @TempDir Path directory;

  @Test
  void theBundledModelsGoldensAreReproduced() {
    var golden = JsonFile.object(BUNDLED.resolve("golden.json"));
    try (var tokenizer = Checkpoint.of(BUNDLED).openTokenizer()) {
      for (var element : (List<?>) golden.get("cases")) {
        var example = (Map<?, ?>) element;
        var text = (String) example.get("text");
        assertThat(tokenizer.encode(text, true)).as(text).isEqualTo(ints(example.get("ids")));
        assertThat(tokenizer.decode(ints(example.get("ids")), true)).isEqualTo(text);
        assertThat(tokenizer.decode(ints(example.get("greedy")), true))
            .isEqualTo(example.get("greedy_text"));
      }
      for (var element : (List<?>) golden.get("decode_roundtrip")) {
        var example = (List<?>) element;
        int id = ((Long) example.get(0)).intValue();
        assertThat(tokenizer.decode(new int[] {id}, false)).isEqualTo(example.get(1));
      }
      assertThat(tokenizer.vocabularySize()).isEqualTo(2048);
    }
  }

  @Test
  void nothingIsCutOrPadded() {
    try (var tokenizer = Checkpoint.of(BUNDLED).openTokenizer()) {
      var text = "Now is the winter of our discontent\n".repeat(2000);

      var ids = tokenizer.encode(text, false);

      assertThat(ids).hasSizeGreaterThan(10_000);
      assertThat(tokenizer.decode(ids, false)).isEqualTo(text);
    }
  }

  @Test
  void aFileThatAsksForTruncationIsNotObeyed() throws IOException {
    var file = TinyTokenizer.byteLevel(directory);
    Files.writeString(
        file,
        Files.readString(file)
            .replace(
                "\"truncation\":null",
                "\"truncation\":{\"direction\":\"Right\",\"max_length\":4,\"strategy\":\"LongestFirst\",\"stride\":0}")
            .replace(
                "\"padding\":null",
                "\"padding\":{\"strategy\":{\"Fixed\":8},\"direction\":\"Right\",\"pad_to_multiple_of\":null,\"pad_id\":2,\"pad_type_id\":0,\"pad_token\":\"<pad>\"}"));
    try (var tokenizer = HuggingFaceTokenizer.open(file)) {
      assertThat(tokenizer.encode("abcdefghijkl", false)).hasSize(12);
      assertThat(tokenizer.encode("ab", false)).hasSize(2);
    }
  }

  @Test
  void specialTokensAreAddedRecognisedAndLeftOut() throws IOException {
    try (var tokenizer = HuggingFaceTokenizer.open(TinyTokenizer.byteLevel(directory))) {
      assertThat(tokenizer.encode(" the", true)).containsExactly(0, 261);
      assertThat(tokenizer.encode(" the", false)).containsExactly(261);
      assertThat(tokenizer.encode(" the</s>", false)).containsExactly(261, 1);
      assertThat(tokenizer.decode(new int[] {0, 261, 1}, true)).isEqualTo(" the");
      assertThat(tokenizer.decode(new int[] {0, 261, 1}, false)).isEqualTo("<s> the</s>");
      assertThat(tokenizer.decode(new int[] {264, 261}, true)).isEqualTo("<think> the");
      assertThat(tokenizer.isSpecial(0)).isTrue();
      assertThat(tokenizer.isSpecial(264)).isFalse();
      assertThat(tokenizer.isSpecial(-1)).isFalse();
      assertThat(tokenizer.id("</s>")).isEqualTo(1);
      assertThat(tokenizer.id("nothing")).isEqualTo(-1);
    }
  }

  @Test
  void idsBeyondTheVocabularyStandForNothing() throws IOException {
    try (var tokenizer = HuggingFaceTokenizer.open(TinyTokenizer.byteLevel(directory))) {
      assertThat(tokenizer.vocabularySize()).isEqualTo(266);
      assertThat(tokenizer.decode(new int[] {261, 266, 100_000, -1, Integer.MAX_VALUE}, true))
          .isEqualTo(" the");
      assertThat(tokenizer.bytes(266, false)).isEmpty();
      assertThat(tokenizer.token(-1)).isEmpty();
    }
  }

  @Test
  void bytesOfByteLevelTokensAreWhatTheDecoderMakesOfThem() throws IOException {
    try (var tokenizer = HuggingFaceTokenizer.open(TinyTokenizer.byteLevel(directory))) {
      assertThat(tokenizer.bytes(261, false)).asString(StandardCharsets.UTF_8).isEqualTo(" the");
      assertThat(tokenizer.token(261)).isEqualTo("Ġthe");
      assertThat(tokenizer.bytes(262, true)).containsExactly(0xf0, 0x9f);
      assertThat(tokenizer.bytes(265, true))
          .asString(StandardCharsets.UTF_8)
          .isEqualTo("two words");
      for (int b = 0; b < 256; b++) {
        assertThat(tokenizer.bytes(3 + b, false)).containsExactly(b);
      }
    }
  }

  @Test
  void bytesOfSentencePiecesDependOnWhetherTheyComeFirst() throws IOException {
    try (var tokenizer = HuggingFaceTokenizer.open(TinyTokenizer.sentencePiece(directory))) {
      int world = tokenizer.id("▁world");
      assertThat(tokenizer.bytes(world, false)).asString().isEqualTo(" world");
      assertThat(tokenizer.bytes(world, true)).asString().isEqualTo("world");
      assertThat(tokenizer.bytes(3 + 0xe2, true)).containsExactly(0xe2);
      assertThat(tokenizer.encode("Hello world", true)).startsWith(1).endsWith(world);
      assertThat(tokenizer.decode(tokenizer.encode("Hello wörld 😀", true), true))
          .isEqualTo("Hello wörld 😀");
    }
  }

  @Test
  void anyTextComesBackAsItWas() throws IOException {
    var random = new Random(7);
    try (var tokenizer = HuggingFaceTokenizer.open(TinyTokenizer.byteLevel(directory))) {
      for (int round = 0; round < 500; round++) {
        var text = text(random);
        assertThat(tokenizer.decode(tokenizer.encode(text, false), false)).isEqualTo(text);
      }
      assertThat(tokenizer.decode(tokenizer.encode("a\0b\ud83d", false), false))
          .isEqualTo("a\0b\ufffd");
      assertThat(tokenizer.encode("", false)).isEmpty();
      assertThat(tokenizer.decode(new int[0], false)).isEmpty();
    }
  }

  @Test
  void severalThreadsMayUseIt() throws IOException {
    try (var tokenizer = HuggingFaceTokenizer.open(TinyTokenizer.byteLevel(directory))) {
      var same =
          IntStream.range(0, 200)
              .parallel()
              .allMatch(
                  i ->
                      tokenizer
                          .decode(tokenizer.encode("the " + i, false), true)
                          .equals("the " + i));
      assertThat(same).isTrue();
    }
  }

  @Test
  void afterClosingItSaysSo() throws IOException {
    var tokenizer = HuggingFaceTokenizer.open(TinyTokenizer.byteLevel(directory));
    tokenizer.close();
    tokenizer.close();

    assertThatThrownBy(() -> tokenizer.encode("x", false))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("closed");
  }

  @Test
  void whatIsNoTokenizerIsRefusedWithTheFilesName() throws IOException {
    for (var json :
        new String[] {"", "[]", "{}", "{\"model\":{\"vocab\":{\"a\":0}}}", "{\"model\":"}) {
      var file = TinyTokenizer.write(directory, json);
      assertThatThrownBy(() -> HuggingFaceTokenizer.open(file))
          .as(json)
          .isInstanceOf(CheckpointException.class)
          .hasMessageContaining("tokenizer.json");
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "\"id\":0,                         | \"id\":1e400,                   | is not a number",
        "\"truncation\":null               | \"truncation\":1e400             | too large",
        "\"truncation\":null               | \"truncation\":NaN               | not valid JSON",
        "\"truncation\":null               | \"truncation\":\"\\ud83d\"        | half of a character",
        "\"content\":\"<unk>\"             | \"content\":\"\\udc00\"           | half of a character",
        "\"special_tokens\":{\"<s>\"       | \"special_tokens\":{\"<t>\"       | do not describe",
        "\"single\":[                      | \"single\":[{\"Sequence\":{\"id\":\"B\",\"type_id\":0}},| second text",
        "\"stop\":0                        | \"stop\":1                       | strips the end",
        "\"continuing_subword_prefix\":null| \"continuing_subword_prefix\":\"##\"| is not empty",
        "\"merges\":[                      | \"merges\":[\"x y\",              | be used",
      })
  void whatTheLibraryWouldAbortForIsRefused(String good, String bad, String reason)
      throws IOException {
    var file = TinyTokenizer.sentencePiece(directory);
    var json = Files.readString(file);
    assertThat(json).contains(good);
    Files.writeString(file, json.replace(good, bad));

    assertThatThrownBy(() -> HuggingFaceTokenizer.open(file))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContainingAll("tokenizer.json", reason);
  }

  @Test
  void anIdBeyondTheVocabularyIsNotPassedOn() throws IOException {
    var file = TinyTokenizer.byteLevel(directory);
    Files.writeString(file, Files.readString(file).replace("\"ids\":[0]", "\"ids\":[4294967295]"));
    try (var tokenizer = HuggingFaceTokenizer.open(file)) {
      assertThatThrownBy(() -> tokenizer.encode("x", true))
          .isInstanceOf(CheckpointException.class)
          .hasMessageContaining("adds the token id 4294967295");
    }
  }

  @Test
  void damagedTokenizersAreRefusedOrWork() throws IOException {
    var valid = Files.readAllBytes(TinyTokenizer.sentencePiece(directory));
    var random = new Random(99);
    for (int round = 0; round < 300; round++) {
      var json = Mutations.of(valid, random);
      var file = directory.resolve("tokenizer.json");
      Files.write(file, json);
      try (var tokenizer = HuggingFaceTokenizer.open(file)) {
        tokenizer.decode(tokenizer.encode("Hello wörld", true), false);
      } catch (CheckpointException e) {
        assertThat(e).hasMessageContaining("tokenizer.json");
      }
    }
  }

  static String text(Random random) {
    var text = new StringBuilder();
    int n = random.nextInt(20);
    for (int i = 0; i < n; i++) {
      text.appendCodePoint(
          switch (random.nextInt(6)) {
            case 0 -> 0x1f600 + random.nextInt(60);
            case 1 -> 0x4e00 + random.nextInt(2000);
            case 2 -> 0xa0 + random.nextInt(300);
            case 3 -> ' ';
            default -> 'a' + random.nextInt(26);
          });
    }
    return text.toString();
  }

  private static int[] ints(Object list) {
    return ((List<?>) list).stream().mapToInt(id -> ((Long) id).intValue()).toArray();
  }
}
