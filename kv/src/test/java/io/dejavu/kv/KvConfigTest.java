package io.dejavu.kv;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class KvConfigTest {
  private static final long MIB = 1 << 20;

  @Test
  void aSmallModelGetsNoMoreThanItsSequencesNeed() {
    assertThat(KvConfig.DEFAULT.blocks(MIB / 8, 1000, 64_000 * MIB)).isEqualTo(16 * 63);
  }

  @Test
  void aLargeOneGetsAFractionOfTheFreeMemoryAndNoMoreThanTheBound() {
    assertThat(KvConfig.DEFAULT.blocks(MIB, 100_000, 1000 * MIB)).isEqualTo(600);
    assertThat(KvConfig.DEFAULT.blocks(MIB, 100_000, 1_000_000 * MIB)).isEqualTo(4096);
  }

  @Test
  void aGivenSizeIsTaken() {
    assertThat(KvConfig.DEFAULT.withBytes(77 * MIB + 1).blocks(MIB, 16, 0)).isEqualTo(77);
  }

  @Test
  void noRoomForOneBlockIsAnError() {
    assertThatThrownBy(() -> KvConfig.DEFAULT.blocks(MIB, 100, MIB))
        .hasMessage("a KV block takes 1048576 bytes, there is room for 629145");
    assertThatThrownBy(() -> new KvConfig(24, 0, 1, 0.5, MIB, 0, true))
        .hasMessage("blocks of 24 tokens");
  }
}
