package io.dejavu.grammar;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Expressions that can be read in very many ways.
class MaskWalkTest {
  private static final long SEED = 31;

  private final Texts.Tokens tokens = words();

  private static Texts.Tokens words() {
    var random = new Random(SEED);
    var all = new ArrayList<>(Texts.BYTES);
    for (int i = 0; i < 20_000; i++) {
      var word = new StringBuilder();
      for (int length = 2 + random.nextInt(7); length > 0; length--) {
        word.append("abcdefg0123 ,.".charAt(random.nextInt(14)));
      }
      all.add(word.toString().getBytes(StandardCharsets.US_ASCII));
    }
    return Texts.Tokens.of(all);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "(.*[a-z].{900}|.*[0-9].{900})",
        "(.{0,50}){0,50}",
        "(.*a){20}.{500}",
        "([a-g0-3 ,.]{1,900}[a-g ,.]{1,900}){5}",
        "((|a|b|c|.){0,300}){0,60}",
        "(a(){0,20000}.){0,100}.*"
      })
  void aMaskCostsNoMoreThanItMayAndAllowsSingleBytes(String expression) {
    var machine = new Machine(NetworkBuilder.build(Grammar.regex(expression).part()));
    var random = new Random(SEED);
    var state = machine.start();
    for (int i = 0; i < 30; i++) {
      if (i % 15 == 0) {
        var walk = new MaskWalk(machine, tokens.vocabulary().trie(false), tokens.end() / 64 + 1);
        var mask = walk.of(state);

        // The last step that is taken may be one too many.
        assertThat(walk.cost()).as("%d bytes", i).isLessThan(Limits.MASK_COST * 3 / 2);
        for (int b = 0; b < 256; b++) {
          assertThat(Texts.isAllowed(mask, b))
              .as("byte %d after %d", b, i)
              .isEqualTo(machine.after(state, (byte) b) != null);
        }
      }
      state = machine.after(state, (byte) "ab01 .".charAt(random.nextInt(6)));
    }
  }

  @Test
  void whatIsLeftOutDoesNotDependOnWhatWasComputedBefore() {
    var grammar = Grammar.regex("(.*[a-z].{900}|.*[0-9].{900})");
    var used = tokens.start(grammar);
    var fresh = tokens.start(grammar);
    for (int i = 0; i < 30; i++) {
      int next = "a1 ".charAt(i % 3);
      used.allowed();
      used = used.after(next);
      fresh = fresh.after(next);
    }

    var mask = used.allowed();

    assertThat(mask).isEqualTo(fresh.allowed());
    long leftOut = Texts.BYTES.size();
    for (int id = 0; id < tokens.end(); id++) {
      leftOut += Texts.isAllowed(mask, id) ? 0 : 1;
    }
    assertThat(leftOut).as("tokens left out").isBetween(1_000L, tokens.end() - 1_000L);
  }
}
