package io.dejavu.kv;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class BlockHashTest {
  private final BlockHash root = BlockHash.root("model", "tenant");

  @Test
  void theSameTokensAfterTheSameBeginningHaveTheSameHash() {
    assertThat(root.next(new int[] {1, 2, 3, 4}, 1, 3))
        .isEqualTo(root.next(new int[] {2, 3}, 0, 2));
  }

  @Test
  void anythingElseHasAnother() {
    var hash = root.next(new int[] {1, 2}, 0, 2);

    assertThat(root.next(new int[] {2, 1}, 0, 2)).isNotEqualTo(hash);
    assertThat(hash.next(new int[] {1, 2}, 0, 2)).isNotEqualTo(hash);
    assertThat(BlockHash.root("model", "other").next(new int[] {1, 2}, 0, 2)).isNotEqualTo(hash);
    // The parts of a scope don't run into each other.
    assertThat(BlockHash.root("modelt", "enant")).isNotEqualTo(root);
  }
}
