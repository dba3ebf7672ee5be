package io.dejavu.grammar;

import static org.assertj.core.api.Assertions.assertThat;

import io.dejavu.engine.TokenConstraint;
import io.dejavu.model.Checkpoint;
import io.dejavu.model.Tokenizer;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.json.JsonMapper;

class GrammarVocabularyTest {
  private static final Path BUNDLED = Path.of("../models/shakespeare-opt-7m");

  @Test
  void theBytesOfAnEncodingAreTheText() {
    try (var tokenizer = Checkpoint.of(BUNDLED).openTokenizer()) {
      var trie = GrammarVocabulary.of(tokenizer).trie(false);
      for (var text :
          new String[] {
            "To be, or not to be", "{\"é\": [1, \"漢字\", \"😀\\n\"]}", "\n\t  \u0000 x"
          }) {
        var bytes = new ByteArrayOutputStream();
        for (int id : tokenizer.encode(text, false)) {
          bytes.writeBytes(trie.bytes(id));
        }
        assertThat(bytes.toString(StandardCharsets.UTF_8)).isEqualTo(text);
      }
    }
  }

  @Test
  void whatTheTokenizerMakesOfAValidTextIsAllowed() {
    try (var tokenizer = Checkpoint.of(BUNDLED).openTokenizer()) {
      var grammar =
          Grammar.jsonSchema(
              "{\"type\":\"object\",\"properties\":{\"said\":{\"type\":\"string\"},\"at\":{\"type\":\"number\"}}}");
      var vocabulary = GrammarVocabulary.of(tokenizer);
      var json = "{\"said\": \"O Romeo, Romeo! wherefore art thou 😀?\", \"at\": -1.5, \"x\": []}";

      var state = TokenGrammar.constraint(grammar, vocabulary, Set.of(2));
      for (int id : tokenizer.encode(json, false)) {
        assertThat(Texts.isAllowed(state.allowed(), id)).as(tokenizer.token(id)).isTrue();
        state = state.after(id);
      }

      assertThat(Texts.isAllowed(state.allowed(), 2)).isTrue();
    }
  }

  @Test
  void whateverIsDrawnFromTheBundledVocabularyParses() {
    try (var tokenizer = Checkpoint.of(BUNDLED).openTokenizer()) {
      var vocabulary = GrammarVocabulary.of(tokenizer);
      var random = new Random(8);
      var grammar =
          TokenGrammar.compile(
              Grammar.jsonSchema(
                  "{\"type\":\"array\",\"items\":{\"type\":\"string\",\"maxLength\":30},\"maxItems\":3}"),
              vocabulary);
      for (int round = 0; round < 100; round++) {
        var state = grammar.start(Set.of(2));
        var ids = new ArrayList<Integer>();
        while (!state.isComplete()) {
          int id = anyOf(state, tokenizer, random);
          ids.add(id);
          state = state.after(id);
        }
        var text = tokenizer.decode(ids.stream().mapToInt(i -> i).toArray(), true);
        assertThat(text).doesNotContain("\ufffd");
        assertThat(JsonMapper.shared().readTree(text).isArray()).as(text).isTrue();
      }
    }
  }

  private static int anyOf(TokenConstraint state, Tokenizer tokenizer, Random random) {
    while (true) {
      int id = random.nextInt(tokenizer.vocabularySize());
      if (Texts.isAllowed(state.allowed(), id)) {
        assertThat(tokenizer.isSpecial(id) && id != 2).as("special token %d", id).isFalse();
        return id;
      }
    }
  }

  /// `▁` is a space, but not at the beginning of a text.
  @Test
  void aSpaceThatIsDroppedAtTheBeginningIsNotExpectedThere() {
    var words = new String[] {"▁yes", "yes", "▁", "▁no"};
    var vocabulary = GrammarVocabulary.of(new Words(words));
    var yes = Grammar.choice(Grammar.literal("yes yes"), Grammar.literal("yesno"));

    var inText = TokenGrammar.compile(yes, vocabulary).start(Set.of());
    var atBeginning = TokenGrammar.compile(yes, vocabulary).start(Set.of(), true);

    assertThat(inText.allowed()).containsExactly(0b0010);
    assertThat(atBeginning.allowed()).containsExactly(0b0011);
    assertThat(atBeginning.after(0).allowed()).containsExactly(0b0101);
    assertThat(atBeginning.after(0).after(0).isComplete()).isTrue();
  }

  private record Words(String[] words) implements Tokenizer {
    @Override
    public int[] encode(String text, boolean specialTokens) {
      throw new UnsupportedOperationException();
    }

    @Override
    public String decode(int[] ids, boolean skipSpecial) {
      throw new UnsupportedOperationException();
    }

    @Override
    public String token(int id) {
      return words[id];
    }

    @Override
    public byte[] bytes(int id, boolean first) {
      return words[id].replace("▁", first ? "" : " ").getBytes(StandardCharsets.UTF_8);
    }

    @Override
    public int id(String token) {
      throw new UnsupportedOperationException();
    }

    @Override
    public boolean isSpecial(int id) {
      return false;
    }

    @Override
    public int vocabularySize() {
      return words.length;
    }

    @Override
    public void close() {}
  }
}
