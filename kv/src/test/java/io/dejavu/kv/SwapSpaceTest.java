package io.dejavu.kv;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.dejavu.tensor.DType;
import io.dejavu.testkit.FakeDevice;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/// On a device whose memory nobody else can read.
class SwapSpaceTest {
  // Layers 1 and 2, 8 blocks of 64 bytes each.
  private final KvLayout layout =
      new KvLayout(new LayerRange(1, 3), 8, HeadRange.all(1), 2, 4, DType.F32);
  private final FakeDevice device = new FakeDevice();
  private final KvMemory memory = KvMemory.open(device, layout);
  private final SwapSpace swap = new SwapSpace(memory, 4);

  @AfterEach
  void close() {
    swap.close();
    memory.close();
    device.close();
  }

  @Test
  void aSequenceComesBackToOtherBlocksAsItWas() {
    write(new int[] {1, 2, 5}, 7);
    swap.swapOut(1, new int[] {1, 2, 5});
    write(new int[] {1, 2, 5}, 99);

    swap.swapIn(1, new int[] {6, 0, 7});

    assertThat(read(new int[] {6, 0, 7})).containsExactly(bytes(3, 7));
    assertThat(read(new int[] {1, 2, 5})).containsExactly(bytes(3, 99));
    assertThat(swap.blocks()).isZero();
  }

  @Test
  void severalSequencesHaveCopiesUpToTheBound() {
    write(new int[] {0}, 1);
    write(new int[] {1, 2, 3}, 2);
    swap.swapOut(1, new int[] {0});
    swap.swapOut(2, new int[] {1, 2, 3});

    assertThat(swap.blocks()).isEqualTo(4);
    assertThatThrownBy(() -> swap.swapOut(3, new int[] {4}))
        .hasMessage("1 blocks of sequence 3 to swap out, 4 of 4 are in use");
    swap.drop(2);
    swap.drop(2);
    swap.swapOut(3, new int[] {4});
    swap.swapIn(1, new int[] {7});
    assertThat(read(new int[] {7})).containsExactly(bytes(1, 1));
    assertThat(swap.blocks()).isEqualTo(1);
  }

  @Test
  void copiesMayLieScattered() {
    swap.swapOut(1, new int[] {0});
    swap.swapOut(2, new int[] {0});
    swap.swapOut(3, new int[] {0});
    swap.drop(1);
    swap.drop(3);
    write(new int[] {3, 4, 6}, 5);

    swap.swapOut(4, new int[] {3, 4, 6});
    swap.swapIn(4, new int[] {2, 1, 0});

    assertThat(read(new int[] {2, 1, 0})).containsExactly(bytes(3, 5));
  }

  @Test
  void aFailedCopyLeavesNothing() {
    assertThatThrownBy(() -> swap.swapOut(1, new int[] {8}))
        .isInstanceOf(IndexOutOfBoundsException.class);
    assertThat(swap.blocks()).isZero();
    swap.swapOut(1, new int[] {0});
    assertThatThrownBy(() -> swap.swapIn(1, new int[] {0, 1}))
        .hasMessage("2 blocks for a copy of 1");
    assertThat(swap.blocks()).isZero();
    assertThatThrownBy(() -> swap.swapIn(1, new int[] {0})).hasMessage("no copy of sequence 1");
  }

  private void write(int[] blocks, int start) {
    memory.copyIn(MemorySegment.ofArray(bytes(blocks.length, start)), blocks);
  }

  private byte[] read(int[] blocks) {
    var read = new byte[(int) (blocks.length * layout.blockBytes())];
    memory.copyOut(blocks, MemorySegment.ofArray(read));
    return read;
  }

  private byte[] bytes(int blocks, int start) {
    var bytes = new byte[(int) (blocks * layout.blockBytes())];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) (start + 3 * i);
    }
    return bytes;
  }
}
