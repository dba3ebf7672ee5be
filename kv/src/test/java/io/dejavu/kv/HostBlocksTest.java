package io.dejavu.kv;

import static org.assertj.core.api.Assertions.assertThat;

import io.dejavu.tensor.DType;
import io.dejavu.tensor.HostDevice;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class HostBlocksTest {
  /// Blocks of 1 MiB, of which a slab has 16.
  private static final KvLayout LAYOUT =
      new KvLayout(new LayerRange(0, 2), 2, HeadRange.all(32), 16, 128, DType.F32);

  @Test
  void whatWasPutIsThereInWhicheverSlab() {
    int slots = 40; // two slabs and a half
    try (var memory = KvMemory.open(new HostDevice(), LAYOUT);
        var blocks = new HostBlocks(memory, slots)) {
      for (int slot = 0; slot < slots; slot++) {
        copyIn(memory, slot);
        blocks.put(slot, hash(slot), 0);
      }

      for (int slot = slots - 1; slot >= 0; slot--) {
        assertThat(blocks.get(slot, hash(slot), 1)).isTrue();
        assertThat(copyOut(memory)).containsOnly((byte) slot);
      }
      assertThat(blocks.get(3, hash(4), 1)).isFalse();
    }
  }

  @Test
  void aSlotThatNothingWasPutToHoldsNothing() {
    try (var memory = KvMemory.open(new HostDevice(), LAYOUT);
        var blocks = new HostBlocks(memory, 40)) {
      assertThat(blocks.get(39, hash(39), 1)).isFalse();
      blocks.put(39, hash(39), 0);
      assertThat(blocks.get(39, hash(39), 1)).isTrue();
      assertThat(blocks.get(38, hash(38), 1)).isFalse();
    }
  }

  /// The slab that comes next may not be there yet.
  @Test
  void itCanBeClosedAtAnyTime() {
    try (var memory = KvMemory.open(new HostDevice(), LAYOUT)) {
      for (int i = 0; i < 20; i++) {
        var blocks = new HostBlocks(memory, 40);
        blocks.put(0, hash(0), 0);
        blocks.close();
        blocks.close();
      }
    }
  }

  private static void copyIn(KvMemory memory, int value) {
    var bytes = new byte[(int) LAYOUT.blockBytes()];
    Arrays.fill(bytes, (byte) value);
    memory.copyIn(MemorySegment.ofArray(bytes), new int[] {0});
  }

  private static byte[] copyOut(KvMemory memory) {
    var bytes = MemorySegment.ofArray(new byte[(int) LAYOUT.blockBytes()]);
    memory.copyOut(new int[] {1}, bytes);
    return bytes.toArray(ValueLayout.JAVA_BYTE);
  }

  private static BlockHash hash(int content) {
    return new BlockHash(content, 0, 0, 0);
  }
}
