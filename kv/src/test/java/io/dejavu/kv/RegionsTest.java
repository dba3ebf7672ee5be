package io.dejavu.kv;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.dejavu.tensor.DType;
import io.dejavu.tensor.Device;
import io.dejavu.tensor.HostDevice;
import io.dejavu.testkit.FakeDevice;
import java.io.ByteArrayOutputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RegionsTest {
  /// Layers 2 … 4, 12 blocks of 4 tokens, heads 1 … 3, rows of 8 bytes: units of 192 bytes.
  private static final KvLayout LAYOUT =
      new KvLayout(new LayerRange(2, 5), 12, new HeadRange(1, 4), 4, 2, DType.F32);

  private static final HeadRange ALL = LAYOUT.heads();
  private static final int[] BLOCKS = {3, 4, 5, 0, 9};

  @Test
  void wholeBlocksOfAnExtentAreOneRunPerLayer() {
    var regions = Regions.of(LAYOUT, BLOCKS, slice(2, 5, 0, 12, ALL), 4);

    assertThat(regions.fragments().offsets()).containsExactly(3 * 192);
    assertThat(regions.fragments().lengths()).containsExactly(3 * 192);
    assertThat(regions.fragments().repeats()).isEqualTo(3);
    assertThat(regions.fragments().stride()).isEqualTo(12 * 192);
    assertThat(regions.bytes()).isEqualTo(3 * 3 * 192);
    assertThat(regions.isDirect(3 * 192)).isTrue();
    assertThat(regions.isDirect(3 * 192 + 1)).isFalse();
  }

  @Test
  void scatteredBlocksAreRunsOfTheirOwn() {
    var regions = Regions.of(LAYOUT, BLOCKS, slice(2, 3, 8, 20, ALL), 4);

    assertThat(regions.fragments().offsets()).containsExactly(5 * 192, 0, 9 * 192);
    assertThat(regions.fragments().lengths()).containsExactly(192, 192, 192);
  }

  @Test
  void aRangeOfHeadsIsTwoRunsPerBlock() {
    var regions = Regions.of(LAYOUT, BLOCKS, slice(3, 4, 0, 8, new HeadRange(2, 4)), 4);

    // One layer on; the second head, as keys and as values.
    int layer = 12 * 192;
    assertThat(regions.fragments().offsets())
        .containsExactly(
            layer + 3 * 192 + 32,
            layer + 3 * 192 + 128,
            layer + 4 * 192 + 32,
            layer + 4 * 192 + 128);
    assertThat(regions.fragments().lengths()).containsOnly(64);
  }

  @Test
  void oneTokenIsOneRowPerHeadOfKeysAndOfValues() {
    var regions = Regions.of(LAYOUT, BLOCKS, slice(2, 5, 13, 14, ALL), 4);

    assertThat(regions.fragments().offsets()).containsExactly(8, 40, 72, 104, 136, 168);
    assertThat(regions.fragments().lengths()).containsOnly(8);
    assertThat(regions.fragments().count()).isEqualTo(18);
  }

  /// Wire chunks of 8 in blocks of 4: a head's 8 tokens come from two blocks.
  @Test
  void largerWireChunksTakeEachHeadFromSeveralBlocks() {
    var regions = Regions.of(LAYOUT, BLOCKS, slice(2, 3, 2, 8, new HeadRange(1, 3)), 8);

    assertThat(regions.fragments().offsets())
        .containsExactly(592, 768, 624, 800, 688, 864, 720, 896);
    assertThat(regions.fragments().lengths()).containsExactly(16, 32, 16, 32, 16, 32, 16, 32);
  }

  @Test
  void layersOfRegionsAreTheRegionsOfThoseLayers() {
    var whole = Regions.of(LAYOUT, BLOCKS, slice(2, 5, 3, 17, ALL), 8);

    for (var layers : List.of(new LayerRange(2, 3), new LayerRange(3, 5), new LayerRange(2, 5))) {
      var some = whole.layers(layers);
      var same = Regions.of(LAYOUT, BLOCKS, new KvSlice(layers, whole.slice().tokens(), ALL), 8);

      assertThat(some.slice()).isEqualTo(same.slice());
      assertThat(some.bytes()).isEqualTo(same.bytes()).isEqualTo(some.fragments().bytes());
      assertThat(some.fragments().offsets()).containsExactly(same.fragments().offsets());
      assertThat(some.fragments().lengths()).containsExactly(same.fragments().lengths());
      assertThat(some.fragments().repeats()).isEqualTo(same.fragments().repeats());
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 4, 8, 64})
  void packedBytesAreInWireOrderOnAnyDevice(int wireTokens) {
    for (var device : List.<Device>of(new HostDevice(), new FakeDevice())) {
      try (device;
          var memory = KvMemory.open(device, LAYOUT)) {
        var image = new byte[(int) LAYOUT.bytes()];
        var all = slice(2, 5, 0, 20, ALL);
        PlainKv.write(image, LAYOUT, BLOCKS, all, 7);
        PlainKv.fill(memory, image);

        for (var slice : List.of(all, slice(3, 5, 3, 18, new HeadRange(2, 3)))) {
          var regions = Regions.of(LAYOUT, BLOCKS, slice, wireTokens);
          var packed = new byte[(int) regions.bytes()];
          memory.gather(regions, MemorySegment.ofArray(packed));

          assertThat(packed).containsExactly(PlainKv.wire(slice, LAYOUT, wireTokens, 7));
        }
      }
    }
  }

  @Test
  void runsAreTheMemoryItself() {
    try (var device = new HostDevice();
        var memory = KvMemory.open(device, LAYOUT)) {
      var slice = slice(2, 4, 5, 19, ALL);
      var regions = Regions.of(LAYOUT, BLOCKS, slice, 4);
      var wire = PlainKv.wire(slice, LAYOUT, 4, 1);
      int done = 0;
      for (var run : memory.runs(regions).orElseThrow()) {
        MemorySegment.copy(wire, done, run, ValueLayout.JAVA_BYTE, 0, (int) run.byteSize());
        done += (int) run.byteSize();
      }

      var packed = new byte[(int) regions.bytes()];
      memory.gather(regions, MemorySegment.ofArray(packed));
      assertThat(done).isEqualTo(wire.length);
      assertThat(packed).containsExactly(wire);
      var sent = new ByteArrayOutputStream();
      for (var run : memory.runs(regions).orElseThrow()) {
        sent.writeBytes(run.toArray(ValueLayout.JAVA_BYTE));
      }
      assertThat(sent.toByteArray()).containsExactly(wire);
    }
  }

  @Test
  void aDevicesMemoryHasNoRunsForTheHost() {
    try (var device = new FakeDevice();
        var memory = KvMemory.open(device, LAYOUT)) {
      assertThat(memory.runs(Regions.of(LAYOUT, BLOCKS, slice(2, 3, 0, 4, ALL), 4))).isEmpty();
    }
  }

  @Test
  void whatIsNotThereIsRefused() {
    assertRefused(
        slice(1, 3, 0, 4, ALL),
        4,
        "layers [1, 3), tokens [0, 4), heads [1, 4) of a memory of layers [2, 5), heads [1, 4)");
    assertRefused(
        slice(2, 3, 0, 4, new HeadRange(0, 2)),
        4,
        "layers [2, 3), tokens [0, 4), heads [0, 2) of a memory of layers [2, 5), heads [1, 4)");
    assertRefused(
        slice(2, 3, 0, 21, ALL), 4, "layers [2, 3), tokens [0, 21), heads [1, 4) in 5 blocks of 4");
    assertRefused(slice(2, 3, 0, 4, ALL), 3, "wire order in chunks of 3 tokens");
    try (var device = new HostDevice();
        var memory = KvMemory.open(device, LAYOUT.withBlocks(10))) {
      var others = Regions.of(LAYOUT, BLOCKS, slice(2, 3, 0, 4, ALL), 4);
      assertThatIllegalArgumentException()
          .isThrownBy(() -> memory.runs(others))
          .withMessageStartingWith("regions of KvLayout[");
      var its = Regions.of(LAYOUT.withBlocks(10), BLOCKS, slice(2, 3, 0, 4, ALL), 4);
      assertThatIllegalArgumentException()
          .isThrownBy(() -> memory.gather(its, MemorySegment.ofArray(new byte[191])))
          .withMessage("191 bytes for 192 of layers [2, 3), tokens [0, 4), heads [1, 4)");
    }
  }

  @Test
  void blocksThatTheMemoryDoesNotHaveAreRefused() {
    var slice = slice(2, 3, 0, 8, ALL);

    for (int wrong : List.of(-1, 12)) {
      assertThatExceptionOfType(IndexOutOfBoundsException.class)
          .isThrownBy(() -> Regions.of(LAYOUT, new int[] {0, wrong}, slice, 4));
    }
  }

  private static void assertRefused(KvSlice slice, int wireTokens, String message) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Regions.of(LAYOUT, BLOCKS, slice, wireTokens))
        .withMessage(message);
  }

  private static KvSlice slice(
      int layer, int lastLayer, int token, int lastToken, HeadRange heads) {
    return new KvSlice(new LayerRange(layer, lastLayer), new TokenRange(token, lastToken), heads);
  }
}
