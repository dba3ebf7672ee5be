package io.dejavu.kv.stream;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.dejavu.kv.BlockHash;
import io.dejavu.kv.HeadRange;
import io.dejavu.kv.KvLayout;
import io.dejavu.kv.KvMemory;
import io.dejavu.kv.KvSlice;
import io.dejavu.kv.LayerRange;
import io.dejavu.kv.PlainKv;
import io.dejavu.kv.Regions;
import io.dejavu.kv.TokenRange;
import io.dejavu.kv.disk.KvFile;
import io.dejavu.kv.disk.KvLabel;
import io.dejavu.kv.disk.SmallDisk;
import io.dejavu.tensor.DType;
import io.dejavu.tensor.HostDevice;
import io.dejavu.transport.Deadline;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Timeout(60)
class KvFileStreamsTest {
  private static final int S = 16;
  private static final int TOKENS = 160;
  private static final KvLayout LAYOUT =
      new KvLayout(new LayerRange(0, 3), 3 * TOKENS / S, HeadRange.all(2), S, 8, DType.F32);
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  @TempDir private Path directory;
  private KvMemory memory;
  private byte[] image;
  private final List<String> heard = new CopyOnWriteArrayList<>();
  private final KvStreamListener listener =
      new KvStreamListener() {
        @Override
        public void ended(KvStream stream, KvOutcome outcome) {
          heard.add("%d ended".formatted(stream.offer().request()));
        }

        @Override
        public void blocked(String peer) {
          heard.add("blocked");
        }

        @Override
        public void unblocked(String peer) {
          heard.add("unblocked");
        }
      };

  /// Three sequences, 0 to 2, one after the other.
  @BeforeEach
  void fill() {
    memory = KvMemory.open(new HostDevice(), LAYOUT);
    image = new byte[(int) LAYOUT.bytes()];
    for (int i = 0; i < 3; i++) {
      PlainKv.write(image, LAYOUT, table(i), slice(0, TOKENS), i);
    }
    PlainKv.fill(memory, image);
  }

  @AfterEach
  void free() {
    memory.close();
  }

  @Test
  void aPromptAndItsTokensAreThereAfterARestart() throws Exception {
    try (var file = open(100)) {
      var stream = offer(file, 0, 1, 0);
      for (int layer = 0; layer < 3; layer++) {
        stream.send(new LayerRange(layer, layer + 1), new TokenRange(0, 100));
        file.flush();
      }
      stream.commit(100);
      for (int token = 100; token < 130; token++) {
        stream.send(new TokenRange(token, token + 1));
        stream.commit(token + 1);
        file.flush();
      }
      stream.finish(130);

      assertThat(stream.await(Deadline.in(PATIENCE))).isEqualTo(new KvOutcome.Done(130));
      assertThat(stream.committed()).isEqualTo(130);
      assertThat(heard).containsExactly("0 ended");
    }
    try (var file = open(100)) {
      assertThat(file.onDisk()).containsExactly(new KvFileStreams.OnDisk(0, 1, 130));
      assertThat(readBack(file, 0)).isEqualTo(130);
    }
  }

  /// What a block lacks is written with the end, or when it comes.
  @Test
  void whatIsOnDiskLagsByLessThanABlock() throws Exception {
    try (var file = open(100)) {
      var stream = offer(file, 0, 1, 0);
      stream.send(new TokenRange(0, 47));
      stream.commit(47);
      file.flush();
      awaitCommitted(stream, 32);
      stream.send(new TokenRange(47, 48));
      stream.commit(48);
      file.flush();
      awaitCommitted(stream, 48);
      assertThat(100 - file.freeSlots()).isEqualTo(3);

      stream.send(new TokenRange(48, 50));
      stream.finish(50);

      assertThat(stream.await(Deadline.in(PATIENCE))).isEqualTo(new KvOutcome.Done(50));
      assertThat(100 - file.freeSlots()).isEqualTo(4);
    }
  }

  /// As tokens that were guessed do: some of what was sent does not count in the end.
  @ParameterizedTest
  @CsvSource({"20, 18", "14, 10", "40, 33", "48, 32"})
  void moreMayBeSentThanCounts(int sent, int tokens) throws Exception {
    try (var file = open(100)) {
      var stream = offer(file, 0, 1, 0);
      stream.send(new TokenRange(0, sent));
      stream.finish(tokens);

      assertThat(stream.await(Deadline.in(PATIENCE))).isEqualTo(new KvOutcome.Done(tokens));
      assertThat(readBack(file, 0)).isEqualTo(tokens);
    }
  }

  @Test
  void whatWasNotFinishedGoesOnUnderAGreaterEpoch() throws Exception {
    try (var file = open(100)) {
      var stream = offer(file, 0, 1, 0);
      stream.send(new TokenRange(0, 70));
      stream.commit(70);
      file.flush();
      awaitCommitted(stream, 64);
    }
    try (var file = open(100)) {
      assertThat(readBack(file, 0)).isEqualTo(64);
      assertThat(offer(file, 0, 1, 64).await(Deadline.in(PATIENCE)))
          .isEqualTo(new KvOutcome.Refused("epoch 1 is there"));
      assertThat(offer(file, 0, 2, 65).await(Deadline.in(PATIENCE)))
          .isEqualTo(new KvOutcome.Refused("64 tokens are there to go on from, not 65"));

      var stream = offer(file, 0, 2, 64);
      assertThatThrownBy(() -> readBack(file, 0)).isInstanceOf(IllegalStateException.class);
      stream.send(new TokenRange(64, 100));
      stream.finish(100);

      assertThat(stream.await(Deadline.in(PATIENCE))).isEqualTo(new KvOutcome.Done(100));
    }
    try (var file = open(100)) {
      assertThat(file.onDisk()).containsExactly(new KvFileStreams.OnDisk(0, 2, 100));
      assertThat(readBack(file, 0)).isEqualTo(100);
    }
  }

  @Test
  void aNewerEpochEndsTheOlderAndHasItsSlots() throws Exception {
    try (var file = open(10)) {
      var old = offer(file, 0, 1, 0);
      old.send(new TokenRange(0, TOKENS));
      old.commit(TOKENS);
      file.flush();
      awaitCommitted(old, TOKENS);
      assertThat(file.freeSlots()).isZero();

      var young = offer(file, 0, 2, 0);
      young.send(new TokenRange(0, TOKENS));
      young.finish(TOKENS);

      assertThat(old.await(Deadline.in(PATIENCE)))
          .isEqualTo(new KvOutcome.Refused("epoch 2 writes it now"));
      assertThat(young.await(Deadline.in(PATIENCE))).isEqualTo(new KvOutcome.Done(TOKENS));
      assertThat(file.onDisk()).containsExactly(new KvFileStreams.OnDisk(0, 2, TOKENS));
    }
  }

  @Test
  void aFullFileEndsTheStreamThatFindsNoSlotAndKeepsWhatIsThere() throws Exception {
    try (var file = open(12)) {
      assertThat(write(file, 0, TOKENS)).isEqualTo(new KvOutcome.Done(TOKENS));

      assertThat(write(file, 1, TOKENS)).isEqualTo(new KvOutcome.Refused("no slot is free, of 12"));

      assertThat(readBack(file, 1)).isEqualTo(2 * S);
      assertThat(readBack(file, 0)).isEqualTo(TOKENS);
      assertThat(write(file, 2, S)).isInstanceOf(KvOutcome.Refused.class);
      file.drop(0);
      assertThat(file.freeSlots()).isEqualTo(10);
      assertThat(write(file, 2, TOKENS)).isEqualTo(new KvOutcome.Done(TOKENS));
      assertThat(readBack(file, 2)).isEqualTo(TOKENS);
    }
  }

  @Test
  void aDiskThatDoesNotTakeARecordEndsItsStreamAndNoOther() throws Exception {
    try (var disk = new SmallDisk(channel(), Long.MAX_VALUE);
        var file = open(disk, 20, Long.MAX_VALUE, PATIENCE)) {
      assertThat(write(file, 0, 3 * S)).isEqualTo(new KvOutcome.Done(3 * S));
      disk.room = 4 * KvFile.slotBytes(LAYOUT.blockBytes()) + 5000; // the fifth is torn

      assertThat(write(file, 1, TOKENS))
          .isInstanceOfSatisfying(
              KvOutcome.PeerLost.class,
              lost -> assertThat(lost.why()).contains("No space left on device"));

      assertThat(file.freeSlots()).isEqualTo(16);
      assertThat(readBack(file, 1)).isEqualTo(S);
      file.drop(0);
      assertThat(write(file, 2, 3 * S)).isEqualTo(new KvOutcome.Done(3 * S));
      assertThat(readBack(file, 2)).isEqualTo(3 * S);
    }
  }

  @Test
  void whatIsCancelledOrDroppedLeavesNoSlotBehind() throws Exception {
    var random = new SplittableRandom(3);
    try (var file = open(25)) {
      for (int i = 0; i < 1000; i++) {
        var stream = offer(file, i % 3, i, 0);
        stream.send(new TokenRange(0, TOKENS));
        stream.commit(random.nextInt(TOKENS + 1));
        file.flush();
        if (random.nextInt(10) == 0) {
          Thread.sleep(0, random.nextInt(500_000));
        }
        if (random.nextBoolean()) {
          stream.cancel("enough");
        } else {
          file.drop(i % 3);
        }
        assertThat(stream.await(Deadline.in(PATIENCE))).isInstanceOf(KvOutcome.Cancelled.class);
      }

      while (file.freeSlots() < 25) {
        Thread.sleep(1); // What is being written; the class's time-out ends it.
      }
      assertThat(file.onDisk()).isEmpty();
      assertThat(write(file, 0, TOKENS)).isEqualTo(new KvOutcome.Done(TOKENS));
    }
  }

  @Test
  void postingDoesNotWaitForADiskThatHangsNorDoesClosing() throws Exception {
    var disk = new SmallDisk(channel(), Long.MAX_VALUE);
    disk.takes = new CountDownLatch(1);
    var file = open(disk, 20, 3 * LAYOUT.blockBytes(), Duration.ofMillis(50));
    var streams = new ArrayList<KvStream>();
    for (int i = 0; i < 3; i++) {
      streams.add(offer(file, i, 1, 0));
      streams.getLast().send(new TokenRange(0, TOKENS));
      streams.getLast().commit(TOKENS);
      file.flush();
    }
    while (disk.writesBegun.get() == 0 || !heard.contains("blocked")) {
      file.flush(); // The class's time-out ends it.
    }

    // Its blocks are free at once: what is on its way to the disk is a copy.
    streams.getFirst().cancel("enough");
    assertThat(streams.getFirst().await(Deadline.in(PATIENCE)))
        .isEqualTo(new KvOutcome.Cancelled("enough"));
    file.close();

    for (var stream : streams) {
      assertThat(stream.await(Deadline.in(PATIENCE))).isInstanceOf(KvOutcome.Cancelled.class);
    }
    assertThat(heard).contains("unblocked", "0 ended", "1 ended", "2 ended");
    assertThat(offer(file, 0, 2, 0).await(Deadline.in(PATIENCE)))
        .isEqualTo(new KvOutcome.Refused("the file is closed"));
    disk.takes.countDown();
    disk.close();
  }

  @Test
  void whatWasNeverPostedIsNotWaitedFor() throws Exception {
    try (var file = open(20)) {
      var stream = offer(file, 0, 1, 0);
      stream.send(new TokenRange(0, 20));
      stream.send(new LayerRange(0, 2), new TokenRange(20, 30));
      stream.finish(30);

      assertThat(stream.await(Deadline.in(PATIENCE)))
          .isEqualTo(
              new KvOutcome.Cancelled("token 20 was not posted with all layers, 30 were to come"));
      assertThat(readBack(file, 0)).isEqualTo(20);
    }
  }

  @Test
  void recordsOfAnotherKindAreLeftAlone() throws Exception {
    try (var file = KvFile.open(path(), "model", LAYOUT, LAYOUT.blockBytes(), 20);
        var buffer = file.allocate(1)) {
      var label = KvLabel.block(BlockHash.root("block"), LAYOUT, 0);
      file.writeBlocks(0, new KvLabel[] {label}, buffer);
    }
    try (var file = open(20)) {
      assertThat(file.onDisk()).isEmpty();
      assertThat(file.freeSlots()).isEqualTo(20);
      assertThat(readBack(file, 0)).isZero();
    }
  }

  @Test
  void tokensWithoutABlockAreLeftOut() throws Exception {
    try (var file = open(20);
        var copy = KvMemory.open(new HostDevice(), LAYOUT)) {
      write(file, 0, TOKENS);
      var before = PlainKv.image(copy);

      assertThat(file.read(0, copy, new int[] {7, 3})).isEqualTo(2 * S);
      assertThat(file.read(1, copy, new int[] {7, 3})).isZero();

      PlainKv.write(before, LAYOUT, new int[] {7, 3}, slice(0, 2 * S), 0);
      assertThat(PlainKv.image(copy)).isEqualTo(before);
    }
  }

  @Test
  void whoIsInterruptedWhileClosingClosesAllTheSame() throws Exception {
    var disk = new SmallDisk(channel(), Long.MAX_VALUE);
    var file = open(disk, 20, Long.MAX_VALUE, PATIENCE);
    disk.takes = new CountDownLatch(1);
    var stream = offer(file, 0, 1, 0);
    stream.send(new TokenRange(0, S));
    stream.finish(S);
    while (disk.writesBegun.get() == 0) {
      Thread.sleep(1);
    }

    var closing =
        Thread.ofPlatform()
            .start(
                () -> {
                  Thread.currentThread().interrupt();
                  file.close();
                });
    while (closing.isAlive() && closing.getState() != Thread.State.TIMED_WAITING) {
      Thread.sleep(1);
    }
    disk.takes.countDown();
    closing.join();

    assertThat(disk.isOpen()).isFalse();
  }

  private KvFileStreams open(int slots) throws IOException {
    return KvFileStreams.open(
        path(), "model", LAYOUT, slots * KvFile.slotBytes(LAYOUT.blockBytes()), listener);
  }

  private KvFileStreams open(SmallDisk disk, int slots, long queuedBytes, Duration patience)
      throws IOException {
    var file = new KvFile(disk, "model", LAYOUT, LAYOUT.blockBytes(), slots);
    return KvFileStreams.open("small", file, listener, queuedBytes, patience);
  }

  private KvStream offer(KvFileStreams file, int sequence, int epoch, int start) {
    var stream = file.offer(KvOffer.all(sequence, epoch, LAYOUT, TOKENS).from(start), memory);
    stream.blocks(table(sequence));
    return stream;
  }

  private KvOutcome write(KvFileStreams file, int sequence, int tokens)
      throws InterruptedException {
    var epoch = file.onDisk().stream().mapToInt(KvFileStreams.OnDisk::epoch).max().orElse(0) + 1;
    var stream = offer(file, sequence, epoch, 0);
    stream.send(new TokenRange(0, tokens));
    stream.finish(tokens);
    return stream.await(Deadline.in(PATIENCE));
  }

  private static void awaitCommitted(KvStream stream, int tokens) throws InterruptedException {
    while (stream.committed() < tokens) {
      Thread.sleep(1); // The class's time-out ends it.
    }
    assertThat(stream.committed()).isEqualTo(tokens);
  }

  /// Reads it into blocks in the reverse order and compares.
  private int readBack(KvFileStreams file, int sequence) {
    try (var copy = KvMemory.open(new HostDevice(), LAYOUT)) {
      var blocks = IntStream.range(0, TOKENS / S).map(i -> TOKENS / S - 1 - i).toArray();
      int tokens = file.read(sequence, copy, blocks);
      if (tokens > 0) {
        var regions = Regions.of(LAYOUT, blocks, slice(0, tokens), S);
        var bytes = new byte[(int) regions.bytes()];
        copy.gather(regions, MemorySegment.ofArray(bytes));
        assertThat(bytes).isEqualTo(PlainKv.wire(slice(0, tokens), LAYOUT, S, sequence));
      }
      return tokens;
    }
  }

  private static int[] table(int sequence) {
    int each = TOKENS / S;
    return IntStream.range(sequence * each, (sequence + 1) * each).toArray();
  }

  private static KvSlice slice(int start, int end) {
    return new KvSlice(LAYOUT.layers(), new TokenRange(start, end), LAYOUT.heads());
  }

  private Path path() {
    return directory.resolve("streams");
  }

  private FileChannel channel() throws IOException {
    return FileChannel.open(
        path(), StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
  }
}
