package io.dejavu.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class StopMatcherTest {
  @Test
  void textEndsRightBeforeTheStopString() {
    var matcher = new StopMatcher(List.of("\n\n"));

    assertThat(matcher.push("To be\n")).isEqualTo("To be");
    assertThat(matcher.stop()).isNull();
    assertThat(matcher.push("\nor not")).isEmpty();
    assertThat(matcher.stop()).isEqualTo("\n\n");
    assertThat(matcher.push("more")).isEmpty();
    assertThat(matcher.flush()).isEmpty();
  }

  @Test
  void aBeginningThatComesToNothingIsGivenBack() {
    var matcher = new StopMatcher(List.of("END"));

    assertThat(matcher.push("xEN")).isEqualTo("x");
    assertThat(matcher.push("Ex")).isEqualTo("ENEx");
    assertThat(matcher.push("E")).isEmpty();
    assertThat(matcher.flush()).isEqualTo("E");
    assertThat(matcher.stop()).isNull();
  }

  @Test
  void withoutStopStringsEverythingPasses() {
    var matcher = new StopMatcher(List.of());

    assertThat(matcher.push("a😀")).isEqualTo("a😀");
    assertThat(matcher.flush()).isEmpty();
  }

  @Test
  void ofTwoThatAreCompleteAtOnceTheLongerCounts() {
    var matcher = new StopMatcher(List.of("b", "ab"));

    assertThat(matcher.push("xab")).isEqualTo("x");
    assertThat(matcher.stop()).isEqualTo("ab");
  }

  @Test
  void anEmptyStopStringIsRefused() {
    assertThatThrownBy(() -> new StopMatcher(List.of("")))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void howTheTextIsCutChangesNothingAndNothingIsHeldLongerThanNeeded() {
    var random = new Random(4711);
    for (int round = 0; round < 3000; round++) {
      var text = letters(random, random.nextInt(30));
      var stops =
          random
              .ints(random.nextInt(4))
              .mapToObj(_ -> letters(random, 1 + random.nextInt(4)))
              .toList();
      var matcher = new StopMatcher(stops);
      var out = new StringBuilder();

      int at = 0;
      while (at < text.length() && matcher.stop() == null) {
        int end = Math.min(text.length(), at + 1 + random.nextInt(5));
        out.append(matcher.push(text.substring(at, end)));
        at = end;
        if (matcher.stop() == null) {
          assertThat(out.length())
              .as("round %d: %s in %s", round, stops, text)
              .isEqualTo(at - heldBack(text.substring(0, at), stops));
        }
      }
      out.append(matcher.flush());

      assertThat(out.toString())
          .as("round %d: %s in %s", round, stops, text)
          .isEqualTo(cut(text, stops));
    }
  }

  // By the book: the first position where a stop string ends, and the longest that ends there.
  private static String cut(String text, List<String> stops) {
    for (int end = 1; end <= text.length(); end++) {
      var before = text.substring(0, end);
      int longest =
          stops.stream().filter(before::endsWith).mapToInt(String::length).max().orElse(0);
      if (longest > 0) {
        return text.substring(0, end - longest);
      }
    }
    return text;
  }

  private static int heldBack(String text, List<String> stops) {
    int held = 0;
    for (var stop : stops) {
      for (int n = 1; n < stop.length(); n++) {
        if (text.endsWith(stop.substring(0, n))) {
          held = Math.max(held, n);
        }
      }
    }
    return held;
  }

  private static String letters(Random random, int n) {
    var text = new StringBuilder();
    for (int i = 0; i < n; i++) {
      text.append((char) ('a' + random.nextInt(2)));
    }
    return text.toString();
  }
}
