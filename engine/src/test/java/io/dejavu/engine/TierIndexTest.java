package io.dejavu.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.dejavu.kv.BlockHash;
import org.junit.jupiter.api.Test;

class TierIndexTest {
  private final TierIndex tier = new TierIndex(4);

  @Test
  void whatWasLongestUnusedGivesItsSlot() {
    put(1, 2, 3, 4);
    tier.touch(hash(1));

    assertThat(tier.put(hash(5))).isEqualTo(1);

    assertThat(tier.slotOf(hash(2))).isEqualTo(-1);
    assertThat(tier.slotOf(hash(1))).isZero();
    assertThat(tier.slotOf(hash(5))).as("on its way").isEqualTo(-1);
    tier.arrived(hash(5), true, false);
    assertThat(tier.slotOf(hash(5))).isEqualTo(1);
    tier.check();
  }

  @Test
  void whatIsBeingCopiedKeepsItsSlot() {
    put(1, 2, 3);
    tier.pin(hash(1));
    tier.put(hash(4));

    assertThat(tier.put(hash(5))).isEqualTo(1);
    tier.forget(hash(1));
    assertThat(tier.slotOf(hash(1))).isEqualTo(-1);
    assertThat(tier.put(hash(6))).isEqualTo(2);
    assertThat(tier.put(hash(7))).isEqualTo(-1);

    tier.unpin(hash(1));
    assertThat(tier.put(hash(7))).isZero();
    tier.check();
  }

  @Test
  void whereTheDiskIsFullTheSlotsBeforeAreUsedInTurn() {
    put(1, 2);
    assertThat(tier.put(hash(3))).isEqualTo(2);
    tier.arrived(hash(3), false, false);

    assertThat(tier.put(hash(4))).isZero();

    tier.arrived(hash(4), true, false);
    assertThat(tier.slotOf(hash(2))).isEqualTo(1);
    assertThat(tier.size()).isEqualTo(2);
    tier.check();
  }

  @Test
  void whatWasFoundIsThere() {
    tier.found(hash(1), 2);
    tier.found(hash(2), 2);
    tier.found(hash(1), 3);
    tier.found(hash(3), 99);

    assertThat(tier.size()).isEqualTo(1);
    assertThat(tier.slotOf(hash(1))).isEqualTo(2);
    put(4, 5, 6);
    assertThat(tier.slotOf(hash(6))).isEqualTo(3);
    tier.check();
  }

  private void put(int... contents) {
    for (int content : contents) {
      tier.put(hash(content));
      tier.arrived(hash(content), true, false);
    }
  }

  private static BlockHash hash(int content) {
    return new BlockHash(content, 0, 0, 0);
  }
}
