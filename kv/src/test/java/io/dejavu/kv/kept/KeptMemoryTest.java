package io.dejavu.kv.kept;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.dejavu.kv.HeadRange;
import io.dejavu.kv.KvLayout;
import io.dejavu.kv.KvMemory;
import io.dejavu.kv.LayerRange;
import io.dejavu.kv.TokenRange;
import io.dejavu.kv.kept.KeptMemory.Attachment;
import io.dejavu.kv.stream.KvArrival;
import io.dejavu.kv.stream.KvEpochs;
import io.dejavu.kv.stream.KvLanding;
import io.dejavu.kv.stream.KvOffer;
import io.dejavu.kv.stream.KvOutcome;
import io.dejavu.kv.stream.KvReceiver;
import io.dejavu.kv.stream.KvSender;
import io.dejavu.kv.stream.KvStreamConfig;
import io.dejavu.kv.stream.KvStreamListener;
import io.dejavu.tensor.DType;
import io.dejavu.tensor.HostDevice;
import io.dejavu.tensor.SharedFile;
import io.dejavu.transport.Deadline;
import io.dejavu.transport.InProcess;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class KeptMemoryTest {
  private static final int S = 4;
  private static final KvLayout KV =
      new KvLayout(new LayerRange(1, 4), 12, new HeadRange(2, 4), S, 8, DType.F32);
  private static final KeptLayout LAYOUT = KeptLayout.of(KV, "opt-tiny in F32", 3, 6 * S);

  @TempDir Path folder;
  private Path file;

  @BeforeEach
  void makeFile() throws IOException {
    file = folder.resolve("segment");
    try (var empty = new RandomAccessFile(file.toFile(), "rw")) {
      empty.setLength(LAYOUT.bytes());
    }
  }

  private KeptMemory create() throws IOException {
    return KeptMemory.create(SharedFile.open(file), LAYOUT);
  }

  private KeptMemory attach(int lastEpoch) throws IOException {
    return switch (KeptMemory.attach(SharedFile.open(file), LAYOUT, lastEpoch)) {
      case Attachment.Attached(var memory) -> memory;
      case Attachment.Refused(var why) -> throw new AssertionError(why);
    };
  }

  private static String refusal(Attachment attachment) {
    return switch (attachment) {
      case Attachment.Refused(var why) -> why;
      case Attachment.Attached(var memory) -> throw new AssertionError(memory + " is attached");
    };
  }

  /// What a step writes: bytes that tell the block and the layer.
  private static void fill(KeptMemory memory, int block, int salt) {
    var bytes = HostDevice.segment(memory.buffer());
    for (int layer = KV.layers().start(); layer < KV.layers().end(); layer++) {
      bytes
          .asSlice(KV.offset(layer, block), KV.unitBytes())
          .fill((byte) (block * 31 + layer * 7 + salt));
    }
  }

  private static void step(KeptMemory memory, long request, int start, int tokens, int... blocks) {
    for (int i = start / S; i < blocks.length; i++) {
      fill(memory, blocks[i], (int) request);
    }
    memory.commit().sequence(request, start, tokens, blocks);
  }

  private static Map<Long, String> entries(KeptMemory memory) {
    var found = new HashMap<Long, String>();
    for (var sequence : memory.inherited()) {
      found.put(sequence.request(), sequence.tokens() + " " + Arrays.toString(sequence.blocks()));
    }
    return found;
  }

  @Test
  void aNewOwnerFindsWhatTheLastHasCommitted() throws IOException {
    try (var first = create()) {
      step(first, 7, 0, 6, 3, 4);
      step(first, -9, 0, 4, 5);
      step(first, 7, 6, 9, 3, 4, 8, 9);
      step(first, 11, 0, 3, 10);
      first.remove(11);

      assertThat(first.epoch()).isEqualTo(1);
    }

    try (var second = attach(1)) {
      assertThat(second.epoch()).isEqualTo(2);
      assertThat(second.damage()).isEmpty();
      assertThat(entries(second)).isEqualTo(Map.of(7L, "9 [3, 4, 8]", -9L, "4 [5]"));
      assertThat(second.inherited()).allSatisfy(s -> assertThat(second.verify(s)).isEmpty());
    }
  }

  @Test
  void whoGoesOnIsFoundInTheNextEpochAndWhoIsDroppedIsNot() throws IOException {
    try (var first = create()) {
      step(first, 1, 0, 5, 0, 1);
      step(first, 2, 0, 5, 2, 3);
      step(first, 3, 0, 5, 4, 5);
    }

    try (var second = attach(1)) {
      step(second, 1, 4, 6, 0, 1);
      second.remove(2);
    }

    try (var third = attach(2)) {
      assertThat(entries(third)).isEqualTo(Map.of(1L, "6 [0, 1]", 3L, "5 [4, 5]"));
      assertThat(third.inherited()).allSatisfy(s -> assertThat(third.verify(s)).isEmpty());
      assertThat(third.requests()).containsExactly(1L, 3L);
    }
  }

  @Test
  void ofTwoEntriesOfARequestTheLaterEpochCounts() throws IOException {
    try (var shared = SharedFile.open(file)) {
      var first = KeptMemory.create(shared, LAYOUT);
      step(first, 1, 0, 5, 0, 1);
      var old = shared.bytes().asSlice(LAYOUT.entry(0), LAYOUT.entryBytes());
      var before = old.toArray(ValueLayout.JAVA_BYTE);
      assertThat(KeptMemory.attach(shared, LAYOUT, 1)).isInstanceOf(Attachment.Attached.class);
      var second = attach(2);
      step(second, 1, 5, 6, 0, 1);
      second.close();

      // As if it had been killed before it freed the old entry.
      MemorySegment.copy(before, 0, old, ValueLayout.JAVA_BYTE, 0, before.length);
    }

    try (var third = attach(3)) {
      assertThat(entries(third)).isEqualTo(Map.of(1L, "6 [0, 1]"));
    }
  }

  @Test
  void anotherLayoutTypeOrModelIsRefusedWithALineThatSaysSo() throws IOException {
    create().close();

    refuses(new KeptLayout(layout(0, 4, 2, 4, DType.F32), "opt-tiny in F32", 6, 6), "first layer");
    refuses(
        new KeptLayout(layout(1, 3, 2, 4, DType.F32), "opt-tiny in F32", 6, 6),
        "its end of the layers is 4, not 3");
    refuses(
        new KeptLayout(layout(1, 4, 2, 3, DType.F32), "opt-tiny in F32", 6, 6), "end of the heads");
    refuses(
        new KeptLayout(layout(1, 4, 2, 4, DType.F16), "opt-tiny in F32", 6, 6),
        "its type is F32, not F16");
    refuses(
        new KeptLayout(KV.withBlocks(11), "opt-tiny in F32", 6, 6),
        "its number of blocks is 12, not 11");
    refuses(new KeptLayout(KV, "opt-tiny in F32", 5, 6), "its number of sequences is 6, not 5");
    refuses(new KeptLayout(KV, "opt-tiny in F32", 6, 7), "its blocks per sequence is 6, not 7");
    refuses(
        new KeptLayout(KV, "opt-huge in F32", 6, 6),
        "it holds keys and values of \"opt-tiny in F32\", not of \"opt-huge in F32\"");
    var larger = new KvLayout(KV.layers(), 12, KV.heads(), 2 * S, 4, DType.F32);
    refuses(new KeptLayout(larger, "opt-tiny in F32", 6, 6), "its tokens per block is 4, not 8");
    var wider = new KvLayout(KV.layers(), 12, KV.heads(), S, 16, DType.F32);
    refuses(new KeptLayout(wider, "opt-tiny in F32", 6, 6), "its head size is 8, not 16");
    attach(1).close();
  }

  private static KvLayout layout(int firstLayer, int layers, int heads, int end, DType type) {
    return new KvLayout(
        new LayerRange(firstLayer, layers), 12, new HeadRange(heads, end), S, 8, type);
  }

  private void refuses(KeptLayout expected, String line) throws IOException {
    try (var shared = SharedFile.open(file)) {
      assertThat(refusal(KeptMemory.attach(shared, expected, 1)))
          .contains(line)
          .startsWith(file.toString())
          .doesNotContain("\n");
    }
  }

  @Test
  void anotherEpochIsRefused() throws IOException {
    create().close();

    try (var shared = SharedFile.open(file)) {
      assertThat(KeptMemory.epochOf(shared.bytes())).isEqualTo(1);
      assertThat(refusal(KeptMemory.attach(shared, LAYOUT, 2)))
          .contains("it is at epoch 1, not 2: it has another owner");
      assertThat(KeptMemory.attach(shared, LAYOUT, 1)).isInstanceOf(Attachment.Attached.class);
      assertThat(refusal(KeptMemory.attach(shared, LAYOUT, 1))).contains("it is at epoch 2, not 1");
    }
  }

  @Test
  void whoIsNoLongerTheOwnerCommitsNothing() throws IOException {
    try (var first = create()) {
      step(first, 1, 0, 4, 0);

      try (var second = attach(1)) {
        assertThatThrownBy(first::commit)
            .hasMessageContaining("is at epoch 2, this process had it at 1");
        assertThatThrownBy(() -> first.remove(1)).hasMessageContaining("epoch 2");
        assertThat(second.verify(second.inherited().getFirst())).isEmpty();
      }
    }
  }

  @Test
  void anyBitOfTheHeaderOrTheEpochMakesItRefused() throws IOException {
    create().close();
    long used = 88L + "opt-tiny in F32".length();

    try (var shared = SharedFile.open(file)) {
      for (long bit = 0; bit < 8 * (used + Long.BYTES); bit++) {
        long at = bit / 8 < used ? bit / 8 : KeptLayout.EPOCH + bit / 8 - used;
        flip(shared.bytes(), at, (int) (bit % 8));

        assertThat(refusal(KeptMemory.attach(shared, LAYOUT, 1)))
            .as("byte %d, bit %d", at, bit % 8)
            .containsAnyOf("damaged", "no kept memory", "version");
        flip(shared.bytes(), at, (int) (bit % 8));
      }
    }
    attach(1).close();
  }

  private static void flip(MemorySegment memory, long at, int bit) {
    memory.set(
        ValueLayout.JAVA_BYTE, at, (byte) (memory.get(ValueLayout.JAVA_BYTE, at) ^ 1 << bit));
  }

  @Test
  void aDamagedDirectoryNeverNamesWrongBlocksOrCounts() throws IOException {
    var whole = Map.of(1L, "9 [0, 1, 2]", 2L, "8 [0, 3]", 3L, "2 [4]");
    long seed = new Random().nextLong();
    var random = new Random(seed);
    try (var shared = SharedFile.open(file)) {
      var first = KeptMemory.create(shared, LAYOUT);
      step(first, 1, 0, 9, 0, 1, 2);
      step(first, 2, 4, 8, 0, 3);
      step(first, 3, 0, 2, 4);
      var before = shared.bytes().toArray(ValueLayout.JAVA_BYTE);
      int lost = 0;

      for (int round = 0; round < 2000; round++) {
        for (int flips = random.nextInt(1, 4); flips > 0; flips--) {
          long at = random.nextLong(KeptLayout.DIRECTORY, LAYOUT.entry(LAYOUT.sequences()));
          flip(shared.bytes(), at, random.nextInt(8));
        }
        var attached = ((Attachment.Attached) KeptMemory.attach(shared, LAYOUT, 1)).memory();

        assertThat(whole)
            .as("seed %d, round %d", seed, round)
            .containsAllEntriesOf(entries(attached));
        if (entries(attached).size() < whole.size()) {
          lost++;
          assertThat(attached.damage()).as("seed %d, round %d", seed, round).isNotEmpty();
        }
        MemorySegment.copy(before, 0, shared.bytes(), ValueLayout.JAVA_BYTE, 0, before.length);
      }
      assertThat(lost).as("seed %d", seed).isPositive();
    }
  }

  @Test
  void aDamagedBlockOrSealCostsTheSequencesThatHaveIt() throws IOException {
    long seed = new Random().nextLong();
    var random = new Random(seed);
    try (var shared = SharedFile.open(file)) {
      var first = KeptMemory.create(shared, LAYOUT);
      step(first, 1, 0, 9, 0, 1, 2);
      step(first, 2, 4, 8, 0, 3);
      var attached = ((Attachment.Attached) KeptMemory.attach(shared, LAYOUT, 1)).memory();
      for (int round = 0; round < 500; round++) {
        int block = random.nextInt(4);
        int layer = random.nextInt(1, 4);
        boolean seal = random.nextBoolean();
        long at =
            seal
                ? LAYOUT.seals() + (long) Long.BYTES * block + random.nextInt(8)
                : LAYOUT.keysAndValues()
                    + KV.offset(layer, block)
                    + random.nextLong(KV.unitBytes());
        int bit = random.nextInt(8);
        flip(shared.bytes(), at, bit);

        var damaged =
            attached.inherited().stream()
                .filter(sequence -> attached.verify(sequence).isPresent())
                .map(KeptSequence::request)
                .toList();
        var having =
            switch (block) {
              case 0 -> List.of(1L, 2L);
              case 1 -> List.of(1L);
              case 2 -> List.<Long>of(); // not full: it has no seal
              default -> List.of(2L);
            };
        assertThat(damaged)
            .as("seed %d, round %d, block %d", seed, round, block)
            .containsExactlyInAnyOrderElementsOf(having);
        flip(shared.bytes(), at, bit);
      }
    }
  }

  @Test
  void aBlockThatIsUsedAgainHasTheSealOfWhatIsInItNow() throws IOException {
    try (var first = create()) {
      step(first, 1, 0, 8, 0, 1);
      first.remove(1);
      step(first, 2, 0, 2, 1);
      step(first, 2, 2, 5, 1, 0);
    }

    try (var second = attach(1)) {
      assertThat(entries(second)).isEqualTo(Map.of(2L, "5 [1, 0]"));
      assertThat(second.verify(second.inherited().getFirst())).isEmpty();
    }
  }

  @Test
  void blocksFilledFromACopyAreSealedWithTheNextCommit() throws IOException {
    var first = create();
    var memory = first.keysAndValues(new HostDevice());
    step(first, 1, 0, 8, 0, 1);
    var copy = MemorySegment.ofArray(new byte[2 * (int) KV.blockBytes()]);
    memory.copyOut(new int[] {0, 1}, copy);
    first.remove(1);
    step(first, 2, 0, 8, 2, 3);
    first.remove(2);
    memory.copyIn(copy, new int[] {2, 3});
    step(first, 1, 8, 9, 2, 3, 4);
    memory.close();

    try (var second = attach(1)) {
      assertThat(entries(second)).isEqualTo(Map.of(1L, "9 [2, 3, 4]"));
      assertThat(second.verify(second.inherited().getFirst())).isEmpty();
    }
  }

  @Test
  void blocksFilledByAPeerAreSealedWithTheNextCommit() throws Exception {
    var first = create();
    step(first, 1, 0, 8, 2, 3);
    first.remove(1);
    try (var pair = InProcess.pair();
        var source = KvMemory.open(new HostDevice(), KV);
        var memory = first.keysAndValues(new HostDevice());
        var receiver =
            KvReceiver.open(
                List.of(pair.right()),
                KvStreamConfig.DEFAULT,
                new KvEpochs(1),
                new Grant(memory, new int[] {2, 3}));
        var sender =
            KvSender.open(List.of(pair.left()), KvStreamConfig.DEFAULT, KvStreamListener.NONE)) {
      var stream = sender.offer(KvOffer.all(5, 1, KV, 2 * S), source);
      stream.blocks(new int[] {7, 8});
      stream.send(new TokenRange(0, 2 * S));
      stream.finish(2 * S);
      assertThat(stream.await(Deadline.in(Duration.ofMinutes(1))))
          .isEqualTo(new KvOutcome.Done(2 * S));
      assertThat(receiver.received().mismatches()).isZero();

      step(first, 5, 2 * S, 2 * S + 1, 2, 3, 4);
    }

    try (var second = attach(1)) {
      assertThat(entries(second)).isEqualTo(Map.of(5L, "9 [2, 3, 4]"));
      assertThat(second.verify(second.inherited().getFirst())).isEmpty();
    }
  }

  /// Lets everything come to some blocks.
  private record Grant(KvMemory memory, int[] blocks) implements KvLanding {
    @Override
    public void offered(KvArrival arrival) {
      arrival.grant(memory, blocks);
    }

    @Override
    public void ended(KvArrival arrival, KvOutcome outcome) {
      // The sender hears the same.
    }
  }

  @Test
  void aFileThatIsTooSmallOrNotEmptyIsRefused() throws IOException {
    create().close();
    try (var shared = SharedFile.open(file)) {
      assertThatThrownBy(() -> KeptMemory.create(shared, LAYOUT)).hasMessageContaining("not empty");
    }
    var small = folder.resolve("small");
    try (var made = new RandomAccessFile(small.toFile(), "rw")) {
      made.setLength(LAYOUT.bytes() - 1);
    }
    try (var shared = SharedFile.open(small)) {
      assertThatThrownBy(() -> KeptMemory.create(shared, LAYOUT))
          .hasMessageContaining("are needed");
      assertThat(refusal(KeptMemory.attach(shared, LAYOUT, 1))).contains("no kept memory");
      var whole = MemorySegment.ofArray(Files.readAllBytes(file));
      MemorySegment.copy(whole, 0, shared.bytes(), 0, LAYOUT.bytes() - 1);
      assertThat(refusal(KeptMemory.attach(shared, LAYOUT, 1))).contains("are needed");
    }
  }

  @Test
  void theDirectoryHasABound() throws IOException {
    try (var first = create()) {
      for (int i = 0; i < LAYOUT.sequences(); i++) {
        step(first, i, 0, 1, i);
      }

      assertThatThrownBy(() -> step(first, 99, 0, 1, 9)).hasMessageContaining("6 sequences");
      assertThatThrownBy(() -> first.commit().sequence(1, 0, 5, new int[] {1}))
          .hasMessageContaining("5 tokens in 1 blocks of 4");
    }
  }
}
