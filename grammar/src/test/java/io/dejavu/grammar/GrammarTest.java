package io.dejavu.grammar;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

class GrammarTest {
  @Test
  void literalsSequencesChoicesAndRepeats() {
    var greeting =
        Grammar.sequence(
            Grammar.choice(
                Grammar.literal("hello"), Grammar.literal("help"), Grammar.literal("hé")),
            Grammar.repeat(Grammar.literal(" you"), 1, 3),
            Grammar.optional(Grammar.literal("!")));

    for (var text : new String[] {"hello you", "help you you", "hé you you you!"}) {
      assertThat(Texts.matches(greeting, text)).as(text).isTrue();
    }
    for (var text : new String[] {"", "hello", "hel you", "hé you you you you", "hello you!!"}) {
      assertThat(Texts.matches(greeting, text)).as(text).isFalse();
    }
  }

  @Test
  void textGoesOnUntilTheTriggerAndThenTheGrammarHolds() {
    var answer =
        Grammar.freeText(
            "<tool_call>", Grammar.sequence(Grammar.regex("[0-9]+"), Grammar.literal("</>")), 2);

    for (var text :
        new String[] {
          "",
          "hello",
          "a <tool_call>12</> b",
          "<tool_call>1</><tool_call>2</>",
          "<tool_cal",
          "<<tool_call>3</>é"
        }) {
      assertThat(Texts.matches(answer, text)).as(text).isTrue();
    }
    for (var text :
        new String[] {
          "<tool_call>",
          "a <tool_call>x",
          "<<tool_call>1",
          "<tool_call>1</><tool_call>2</><tool_call>3</>"
        }) {
      assertThat(Texts.matches(answer, text)).as(text).isFalse();
    }
  }

  @Test
  void aTriggerThatOverlapsItselfIsFound() {
    var trigger = "ababac";
    var random = new Random(3);
    for (int round = 0; round < 2000; round++) {
      var text = new StringBuilder();
      for (int i = random.nextInt(14); i >= 0; i--) {
        text.append("abc".charAt(random.nextInt(9) / 4));
      }
      if (random.nextBoolean()) {
        text.append(trigger);
      }
      assertThat(Texts.matches(Grammar.textWithout(trigger), text.toString()))
          .as("%s", text)
          .isEqualTo(text.indexOf(trigger) < 0);
      assertThat(Texts.matches(Grammar.textUntil(trigger), text.toString()))
          .as("%s", text)
          .isEqualTo(text.indexOf(trigger) >= 0 && text.indexOf(trigger) == text.length() - 6);
    }
  }

  @Test
  void masksSayWhatMayComeNextAndWhereTheTextMayEnd() {
    var tokens = Texts.pieces(new Random(1), 50, "hello help");
    var state = tokens.start(Grammar.regex("hel(lo|p)?"));
    assertThat(Texts.isAllowed(state.allowed(), tokens.end())).isFalse();
    assertThat(Texts.isAllowed(state.allowed(), 'h')).isTrue();
    assertThat(Texts.isAllowed(state.allowed(), 'e')).isFalse();

    var after = state.after('h').after('e').after('l');

    assertThat(Texts.isAllowed(after.allowed(), tokens.end())).isTrue();
    assertThat(Texts.isAllowed(after.allowed(), 'p')).isTrue();
    assertThat(after.isComplete()).isFalse();
    assertThat(after.after('p').isComplete()).isTrue();
    assertThat(Texts.isAllowed(after.after('p').allowed(), tokens.end())).isTrue();
    assertThat(Texts.isAllowed(state.allowed(), 'h')).as("a state never changes").isTrue();
    assertThatThrownBy(() -> state.after('x')).isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void afterAnEndTokenOnlyEndTokensMayCome() {
    var state = Texts.BYTE_TOKENS.start(Grammar.regex("a*"));

    var ended = state.after('a').after(Texts.BYTE_TOKENS.end());

    assertThat(Texts.isAllowed(ended.allowed(), 'a')).isFalse();
    assertThat(Texts.isAllowed(ended.allowed(), Texts.BYTE_TOKENS.end())).isTrue();
    assertThat(ended.isComplete()).isTrue();
  }

  @Test
  void withoutEndTokensItIsCompleteWhenNothingCanFollow() {
    var start =
        TokenGrammar.constraint(Grammar.literal("ab"), Texts.BYTE_TOKENS.vocabulary(), Set.of());

    assertThat(start.isComplete()).isFalse();
    assertThat(start.after('a').isComplete()).isFalse();
    assertThat(start.after('a').after('b').isComplete()).isTrue();
  }

  @Test
  void whatNeverEndsIsRefused() {
    assertThatThrownBy(
            () ->
                Texts.BYTE_TOKENS.start(
                    Grammar.jsonSchema(
                        """
                        {"type":"object","properties":{"a":{"$ref":"#"}},"required":["a"]}""")))
        .isInstanceOf(GrammarException.class)
        .hasMessageContaining("no text at all");
  }

  @Test
  void anyJsonIsAnyJson() {
    for (var json :
        new String[] {
          "{}",
          "[]",
          "null",
          "true",
          "-1.5e-3",
          "\"\\u00e9\\n😀\"",
          "[1,2,[3]]",
          "{\"a\":{\"b\":[{}]}}",
          "{\n  \"a\" : [ 1, 2 ],\n  \"b\": null\n}",
          " {\"a\": 1}"
        }) {
      assertThat(Texts.matches(Grammar.anyJson(), json)).as(json).isTrue();
    }
    for (var json :
        new String[] {
          "",
          "{",
          "01",
          "1.",
          "+1",
          "nul",
          "\"\n\"",
          "\"\\x\"",
          "\"\\ud83d\"",
          "[1,]",
          "{\"a\"}",
          "{a:1}",
          "{}{}",
          "{},"
        }) {
      assertThat(Texts.matches(Grammar.anyJson(), json)).as(json).isFalse();
    }
    assertThat(Texts.matches(Grammar.anyJsonObject(), "{\"a\":[]}")).isTrue();
    assertThat(Texts.matches(Grammar.anyJsonObject(), "[]")).isFalse();
  }

  @Test
  void whiteSpaceIsABlankOrALineBreakAndAnIndentationByTheOpenBrackets() {
    var listed =
        Grammar.jsonSchema(
            """
            {"type":"object","properties":{"a":{"$ref":"#/$defs/list"}},"$defs":{"list":\
            {"type":"array","items":{"anyOf":[{"type":"null"},{"$ref":"#/$defs/list"}]}}}}""");
    for (var grammar : List.of(Grammar.anyJsonObject(), listed)) {
      for (var indentation : List.of("", " ", "  ", "    ", "\t")) {
        var pretty = "{\n1\"a\": [\n2null,\n2[\n3null\n2]\n1]\n}";
        for (int level = 1; level <= 3; level++) {
          pretty = pretty.replace("\n" + level, "\n" + indentation.repeat(level));
        }
        assertThat(Texts.matches(grammar, pretty)).as(pretty).isTrue();
      }
      for (var wide :
          List.of(
              "  {}",
              "\n\n{}",
              "{\n \t}",
              "{\n" + " ".repeat(9) + "\"a\": []}",
              "{\n\t\t\t\"a\": []}",
              "{\"a\":  []}",
              "{\"a\":\n[]}",
              "{\"a\": [\n" + " ".repeat(13) + "null]}",
              "{\"a\": []\n     }")) {
        assertThat(Texts.matches(grammar, wide)).as(wide).isFalse();
      }
    }
    var deep = "[".repeat(20) + "\n" + " ".repeat(32);
    assertThat(Texts.matches(Grammar.anyJson(), deep + "1" + "]".repeat(20))).isTrue();
    assertThat(Texts.matches(Grammar.anyJson(), deep + " 1" + "]".repeat(20))).isFalse();
  }

  @Test
  void deepNestingIsBoundedAndNeverADeadEnd() {
    var state = Texts.BYTE_TOKENS.start(Grammar.anyJson());
    int depth = 0;
    while (Texts.isAllowed(state.allowed(), '[')) {
      state = state.after('[');
      depth++;
    }
    assertThat(depth).isBetween(100, Limits.DEPTH + 1);
    while (depth > 0) {
      assertThat(Texts.isAllowed(state.allowed(), ']')).as("%d open", depth).isTrue();
      state = state.after(']');
      depth--;
    }
    assertThat(state.isComplete()).isTrue();
  }

  /// The walk through the vocabulary takes short cuts; each token read by itself takes none.
  @Test
  void aMaskIsWhatReadingEachTokenSays() {
    var random = new Random(12);
    var tokens =
        Texts.pieces(
            random,
            1500,
            "{\"name\": \"Ann é😀漢 \\n\", \"age\": 12}",
            "hello <tool_call>é",
            "\n    ~ab");
    for (var grammar :
        List.of(
            Grammar.anyJson(),
            Grammar.freeText("<tool_call>", Grammar.anyJsonObject(), -1),
            Grammar.regex("[a-z ]*é*"),
            Grammar.regex("([^<]|<a)*"),
            Grammar.jsonSchema("{\"type\":\"string\",\"minLength\":3,\"maxLength\":9}"),
            Grammar.jsonSchema("{\"type\":\"string\",\"pattern\":\"^[^é]*$\"}"))) {
      var machine = new Machine(NetworkBuilder.build(grammar.part()));
      for (int walk = 0; walk < 12; walk++) {
        var place = machine.start();
        var state = tokens.start(grammar);
        for (int i = 0; i < 12 && !state.isComplete(); i++) {
          var mask = state.allowed();
          var allowed = new ArrayList<Integer>();
          for (int id = 0; id < tokens.end(); id++) {
            boolean fits = read(machine, place, tokens.bytes().get(id)) != null;
            assertThat(Texts.isAllowed(mask, id)).as("token %d", id).isEqualTo(fits);
            if (fits) {
              allowed.add(id);
            }
          }
          int id = allowed.get(random.nextInt(allowed.size()));
          state = state.after(id);
          place = read(machine, place, tokens.bytes().get(id));
        }
      }
    }
  }

  private static Machine.State read(Machine machine, Machine.State state, byte[] token) {
    for (byte b : token) {
      state = state == null ? null : machine.after(state, b);
    }
    return state;
  }

  @Test
  void whatIsForgottenIsComputedAgain() {
    // Each length is a state of its own, many more than are kept.
    var grammar = Grammar.regex("(a{1,200}b){1,200}c");
    var machine = new Machine(NetworkBuilder.build(grammar.part()));
    var text = ("a".repeat(199) + "b").repeat(199) + "c";

    assertThat(Texts.matches(machine, text)).isTrue();
    assertThat(Texts.matches(machine, text)).isTrue();
    assertThat(Texts.matches(machine, text + "c")).isFalse();
    assertThat(machine.keptStates()).isLessThanOrEqualTo(Limits.STATES);
  }
}
