package io.dejavu.grammar;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Random;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RegexTest {
  @Test
  void textsMatchAsInJava() {
    var random = new Random(5);
    int matched = 0;
    for (int round = 0; round < 1500; round++) {
      var expression = expression(random, 3);
      var pattern = Pattern.compile(expression);
      var machine = new Machine(NetworkBuilder.build(Grammar.regex(expression).part()));
      for (int i = 0; i < 12; i++) {
        var text = text(random);
        boolean matches = pattern.matcher(text).matches();
        matched += matches ? 1 : 0;
        assertThat(Texts.matches(machine, text))
            .as("%s on \"%s\"", expression, text)
            .isEqualTo(matches);
      }
    }
    assertThat(matched).isGreaterThan(1000);
  }

  @Test
  void whatIsWrittenMatches() {
    var random = new Random(6);
    for (int round = 0; round < 200; round++) {
      var expression = expression(random, 3);
      var pattern = Pattern.compile(expression);
      var text = Texts.walk(Texts.BYTE_TOKENS, Grammar.regex(expression), random, 200);
      assertThat(text.equals("!") || pattern.matcher(text).matches())
          .as("%s on \"%s\"", expression, text)
          .isTrue();
    }
  }

  private static String expression(Random random, int depth) {
    return switch (random.nextInt(depth == 0 ? 6 : 11)) {
      case 0 -> "a";
      case 1 -> "bc";
      case 2 ->
          new String[] {"\\d", "\\w", "\\s", "\\D", "\\.", "\\x41", "\\u00e9", "\\n"}
              [random.nextInt(8)];
      case 3 ->
          new String[] {"[a-c]", "[^a]", "[é😀1]", "[^\\d\\s]", "[a\\-z.]", "[^b-é]"}
              [random.nextInt(6)];
      case 4 -> ".";
      case 5 -> "é";
      case 6 -> expression(random, depth - 1) + expression(random, depth - 1);
      case 7 -> "(" + expression(random, depth - 1) + "|" + expression(random, depth - 1) + ")";
      case 8 ->
          "(?:"
              + expression(random, depth - 1)
              + ")"
              + new String[] {"*", "+", "?", "*?"}[random.nextInt(4)];
      case 9 ->
          "("
              + expression(random, depth - 1)
              + ")"
              + new String[] {"{2}", "{1,3}", "{0,2}", "{1,}"}[random.nextInt(4)];
      default -> "(|" + expression(random, depth - 1) + ")";
    };
  }

  private static String text(Random random) {
    var characters = new String[] {"a", "b", "bc", "c", "é", "😀", "1", " ", "\n", ".", "A", "-"};
    var text = new StringBuilder();
    for (int i = random.nextInt(5); i > 0; i--) {
      text.append(characters[random.nextInt(characters.length)]);
    }
    return text.toString();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '#',
      quoteCharacter = '`',
      value = {
        "^ab$          # ab      # true",
        "^ab|cd$       # cd      # true",
        "^ab$          # xab     # false",
        "a{,3}         # a{,3}   # true",
        "x{            # x{      # true",
        "a{2           # a{2     # true",
        "[]-a]         # -       # error",
        "(?<name>a)b   # ab      # true",
        "(?P<name>a)b  # ab      # true",
        "\\ud83d\\ude00 # 😀     # true",
        "\\u{1f600}    # 😀      # true",
        "a+?           # aa      # true",
        "a++           # aa      # error",
        "a{0,1}{0,1}   # aa      # error",
        "a**           # aa      # error",
        "*a            # a       # error",
        "(a            # a       # error",
        "a)            # a       # error",
        "[a            # a       # error",
        "[z-a]         # a       # error",
        "a$b           # ab      # error",
        "(^a)          # a       # error",
        "(?=a)a        # a       # error",
        "(?<!a)a       # a       # error",
        "(a)\\1        # aa      # error",
        "\\bab         # ab      # error",
        "\\p{L}        # a       # error",
        "(?i)a         # a       # error",
        "(?            # a       # error",
        "\\u12         # a       # error",
        "\\ud800       # a       # error",
        "a{3,2}        # a       # error",
        "a{1,100000}   # a       # error",
        "(a{20000}){20000}{20000} # a # error",
        "((a{100}b){100}c){20000} # a # false",
        "\\            # a       # error"
      })
  void cornersOfTheSyntax(String expression, String text, String expected) {
    if (expected.equals("error")) {
      assertThatThrownBy(() -> Grammar.regex(expression))
          .isInstanceOf(GrammarException.class)
          .hasMessageContaining("regular expression");
    } else {
      assertThat(Texts.matches(Grammar.regex(expression), text)).isEqualTo(expected.equals("true"));
    }
  }

  @Test
  void deepGroupsAreRefused() {
    assertThatThrownBy(() -> Grammar.regex("(".repeat(100_000) + "a" + ")".repeat(100_000)))
        .isInstanceOf(GrammarException.class)
        .hasMessageContaining("more than 100 groups");
  }

  @Test
  void ambiguityIsNoTrouble() {
    for (var expression :
        new String[] {
          "((a|a)*)*b",
          "(a*)*(a*)*(a*)*b",
          "(a|aa|aaa)*b",
          "(a?){500}a{500}b",
          "(|a){1000}b",
          "((a*)*|(a*)*)*b"
        }) {
      var grammar = Grammar.regex(expression);
      assertThat(Texts.matches(grammar, "a".repeat(500) + "b")).as(expression).isTrue();
      assertThat(Texts.matches(grammar, "a".repeat(500) + "c")).as(expression).isFalse();
    }
  }
}
