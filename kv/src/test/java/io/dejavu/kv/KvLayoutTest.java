package io.dejavu.kv;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.dejavu.tensor.DType;
import io.dejavu.tensor.HostDevice;
import java.util.BitSet;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class KvLayoutTest {
  private static final KvLayout LAYOUT =
      new KvLayout(new LayerRange(4, 7), 5, HeadRange.all(2), 16, 8, DType.BF16);

  @Test
  void aUnitHoldsKeysThenValuesOfAllHeads() {
    assertThat(LAYOUT.unitBytes()).isEqualTo(2 * 2 * 16 * 8 * 2);
    assertThat(LAYOUT.blockBytes()).isEqualTo(3 * LAYOUT.unitBytes());
    assertThat(LAYOUT.bytes()).isEqualTo(15 * LAYOUT.unitBytes());
  }

  @Test
  void theUnitsOfAllLayersFillTheMemoryWithoutAGap() {
    var seen = new BitSet();

    for (int layer = 4; layer < 7; layer++) {
      for (int block = 0; block < 5; block++) {
        var offset = LAYOUT.offset(layer, block);
        assertThat(offset % LAYOUT.unitBytes()).isZero();
        seen.set(Math.toIntExact(offset / LAYOUT.unitBytes()));
      }
    }

    assertThat(seen.cardinality()).isEqualTo(15);
    assertThat(seen.length()).isEqualTo(15);
  }

  @Test
  void theKernelsSeeEveryHeadWhereTheLayoutSays() {
    try (var device = new HostDevice();
        var memory = KvMemory.open(device, LAYOUT)) {
      var cache = memory.cache(5);

      long headBytes = 16 * 8 * 2;
      for (int block = 0; block < 5; block++) {
        for (int head = 0; head < 2; head++) {
          assertThat(cache.keys(block, head)).isEqualTo(LAYOUT.offset(5, block) + head * headBytes);
          assertThat(cache.values(block, head))
              .isEqualTo(LAYOUT.offset(5, block) + (2 + head) * headBytes);
        }
      }
      assertThat(cache.buffer().bytes()).isEqualTo(LAYOUT.bytes());
    }
  }

  @Test
  void consecutiveBlocksOfALayerTouch() {
    assertThat(IntStream.range(1, 5).mapToLong(b -> LAYOUT.offset(6, b) - LAYOUT.offset(6, b - 1)))
        .containsOnly(LAYOUT.unitBytes());
  }

  @Test
  void layersAndBlocksOfOthersAreRefused() {
    assertThatThrownBy(() -> LAYOUT.offset(7, 0)).hasMessage("layer 7 of [4, 7)");
    assertThatThrownBy(() -> LAYOUT.offset(3, 0)).isInstanceOf(IndexOutOfBoundsException.class);
    assertThatThrownBy(() -> LAYOUT.offset(4, 5)).isInstanceOf(IndexOutOfBoundsException.class);
    assertThatThrownBy(
            () -> new KvLayout(new LayerRange(0, 1), 1, HeadRange.all(1), 12, 8, DType.F32))
        .hasMessage("blocks of 12 tokens");
    assertThatThrownBy(() -> new LayerRange(2, 2)).hasMessage("layers [2, 2)");
  }

  @Test
  void bytesAreCountedIn64Bits() {
    var large = new KvLayout(new LayerRange(0, 80), 1 << 20, HeadRange.all(8), 16, 128, DType.F32);

    assertThat(large.bytes()).isEqualTo(80L * (1 << 20) * 2 * 8 * 16 * 128 * 4);
    assertThat(large.offset(79, (1 << 20) - 1)).isEqualTo(large.bytes() - large.unitBytes());
  }

  @Test
  void aTableFindsTheSlotOfEveryPosition() {
    var table = new BlockTable(4, new int[] {9, 2, 5});

    assertThat(IntStream.range(0, table.tokens()).map(table::slot))
        .containsExactly(36, 37, 38, 39, 8, 9, 10, 11, 20, 21, 22, 23);
  }
}
