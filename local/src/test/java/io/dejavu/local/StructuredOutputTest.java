package io.dejavu.local;

import static io.dejavu.local.Listener.accepted;
import static org.assertj.core.api.Assertions.assertThat;

import io.dejavu.backend.cpu.CpuKernels;
import io.dejavu.engine.EngineConfig;
import io.dejavu.engine.FinishReason;
import io.dejavu.engine.GenerationEvent.Finished;
import io.dejavu.engine.GenerationEvent.Token;
import io.dejavu.engine.GenerationRequest;
import io.dejavu.grammar.Grammar;
import io.dejavu.grammar.GrammarVocabulary;
import io.dejavu.grammar.TokenGrammar;
import io.dejavu.kv.KvConfig;
import io.dejavu.model.Checkpoint;
import io.dejavu.model.Tokenizer;
import io.dejavu.tensor.Kernels;
import io.dejavu.tensor.Sampling;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/// The bundled model, which has read Shakespeare and no JSON, writes JSON.
@Timeout(120)
class StructuredOutputTest {
  private static final Set<Integer> ENDS = Set.of(2);
  private static final String PERSON =
      """
      {"type":"object","properties":{
        "name":{"type":"string","minLength":1,"maxLength":16},
        "age":{"type":"integer","minimum":0,"maximum":120},
        "mood":{"enum":["merry","sad"]},
        "friends":{"type":"array","items":{"type":"string","pattern":"^[A-Z][a-z]{1,8}$"},"maxItems":2},
        "home":{"anyOf":[{"type":"null"},{"type":"object","properties":{"town":{"type":"string","maxLength":8}},
          "required":["town"],"additionalProperties":false}]}},
       "required":["name","age","mood","friends"],"additionalProperties":false}""";

  private static Kernels kernels;
  private static Tokenizer tokenizer;
  private static GrammarVocabulary vocabulary;
  private static StepLoop loop;

  @BeforeAll
  static void open() {
    kernels = CpuKernels.open(CpuKernels.AUTO, 2);
    var checkpoint = Checkpoint.of(Path.of("../models/shakespeare-opt-7m"));
    tokenizer = checkpoint.openTokenizer();
    vocabulary = GrammarVocabulary.of(tokenizer);
    var config = new EngineConfig(256, 16, 100, 0);
    loop =
        BundledLoop.open(
            kernels, config, KvConfig.DEFAULT, StepLoopConfig.DEFAULT, "", pipeline -> pipeline);
  }

  @AfterAll
  static void close() {
    loop.close();
    tokenizer.close();
    kernels.close();
  }

  @Test
  void whateverTheSeedTheTextIsValid() throws InterruptedException {
    var grammar = TokenGrammar.compile(Grammar.jsonSchema(PERSON), vocabulary);

    for (var text : generate(grammar, ENDS, 6)) {
      var json = JsonMapper.shared().readTree(text);
      assertThat(json.propertyNames())
          .as(text)
          .isSubsetOf("name", "age", "mood", "friends", "home")
          .contains("name", "age", "mood", "friends");
      var name = json.get("name").stringValue();
      assertThat(name.codePointCount(0, name.length())).as(text).isBetween(1, 16);
      assertThat(json.get("age").intValue()).as(text).isBetween(0, 120);
      assertThat(json.get("mood").stringValue()).as(text).isIn("merry", "sad");
      assertThat(json.get("friends").valueStream().map(JsonNode::stringValue))
          .as(text)
          .hasSizeLessThanOrEqualTo(2)
          .allMatch(friend -> friend.matches("[A-Z][a-z]{1,8}"));
    }
  }

  @Test
  void aTextEndsWithoutEndTokensToo() throws InterruptedException {
    var grammar = TokenGrammar.compile(Grammar.regex("(yes|no), [a-z ]{3,9}[.!]"), vocabulary);

    assertThat(generate(grammar, Set.of(), 3))
        .allMatch(text -> text.matches("(yes|no), [a-z ]{3,9}[.!]"));
  }

  @Test
  void theGrammarIsKeptOnlyAfterItsTrigger() throws InterruptedException {
    var call = Grammar.sequence(Grammar.regex("[0-9]{1,3}"), Grammar.literal("!"));
    var grammar = TokenGrammar.compile(Grammar.sequence(Grammar.textUntil(" "), call), vocabulary);

    assertThat(generate(grammar, ENDS, 3)).allMatch(text -> text.matches("[^ ]* [0-9]{1,3}!"));
  }

  /// Texts of several seeds at temperature 1, computed together.
  private static List<String> generate(TokenGrammar grammar, Set<Integer> ends, int count)
      throws InterruptedException {
    var prompt = tokenizer.encode("JULIET:\nO Romeo, speak in JSON!\n\nROMEO:\n", true);
    var listeners = new ArrayList<Listener>();
    for (int seed = 0; seed < count; seed++) {
      var request =
          GenerationRequest.of(
                  "json " + seed, prompt, new Sampling(1, 0, 1, 0, 1, 0, 0, Map.of()), seed, 900)
              .withStopTokens(ends)
              .withConstraint(grammar.start(ends));
      listeners.add(new Listener());
      accepted(loop.submit(request, listeners.getLast()));
    }
    var texts = new ArrayList<String>();
    for (var listener : listeners) {
      assertThat(listener.end())
          .isInstanceOfSatisfying(
              Finished.class, end -> assertThat(end.reason()).isEqualTo(FinishReason.STOP));
      int[] tokens =
          listener.events().stream()
              .filter(Token.class::isInstance)
              .mapToInt(event -> ((Token) event).id())
              .toArray();
      texts.add(tokenizer.decode(tokens, true));
    }
    return texts;
  }
}
