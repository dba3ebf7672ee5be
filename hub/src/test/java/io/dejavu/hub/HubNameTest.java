package io.dejavu.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class HubNameTest {
  @Test
  void aNameHasARevisionOrMain() {
    assertThat(HubName.parse("Qwen/Qwen3-0.6B")).contains(new HubName("Qwen/Qwen3-0.6B", "main"));
    assertThat(HubName.parse("a/b@v1.0")).contains(new HubName("a/b", "v1.0"));
    assertThat(HubName.parse("a/b@refs/pr/1")).contains(new HubName("a/b", "refs/pr/1"));
    assertThat(HubName.parse("a/b@v1.0")).map(HubName::toString).contains("a/b@v1.0");
    assertThat(HubName.parse("a/b")).map(HubName::toString).contains("a/b");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "", "gpt2", "/a/b", "./a/b", "../a", "a/..", "a/b/c", "~/a", "a/b--c", "a/.b", "a/b.git",
        "a b/c", "a\\b/c", "a/b.", "-a/b"
      })
  void otherTextsAreNoNames(String text) {
    assertThat(HubName.parse(text)).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "../../x", "/main", "a..b", "a b", "x/", ".hidden", "a//b"})
  void aRevisionThatIsNoneIsAnError(String revision) {
    assertThatThrownBy(() -> HubName.parse("a/b@" + revision))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("is not a branch, tag or commit");
  }
}
