package io.dejavu.kv.disk;

import static org.assertj.core.api.Assertions.assertThat;

import io.dejavu.kv.BlockHash;
import io.dejavu.kv.HeadRange;
import io.dejavu.kv.KvLayout;
import io.dejavu.kv.LayerRange;
import io.dejavu.kv.disk.KvDisk.Arrival;
import io.dejavu.tensor.DType;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.BitSet;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class KvDiskTest {
  private static final KvLayout LAYOUT =
      new KvLayout(new LayerRange(0, 2), 10, HeadRange.all(2), 16, 32, DType.F32);

  private final Semaphore wakes = new Semaphore(0);
  @TempDir private Path directory;

  @Test
  void whatWasWrittenCanBeReadWhileOthersCompute() throws Exception {
    try (var disk = start(KvFile.open(path(), "model", LAYOUT, LAYOUT.blockBytes(), 20))) {
      assertThat(await(disk, Arrival.Scanned.class).found()).isEmpty();
      write(disk, 3, 1, 2, 5);
      assertThat(await(disk, Arrival.Written.class))
          .isEqualTo(new Arrival.Written(3, hashes(1, 2, 5), true));

      disk.read(new KvDisk.Read(77, 4, 4, hashes(2, 5)));

      var arrived = await(disk, Arrival.Arrived.class);
      assertThat(arrived.read().ticket()).isEqualTo(77);
      assertThat(arrived.good()).isEqualTo(2);
      assertThat(disk.block(arrived.buffer(), 1).get(ValueLayout.JAVA_BYTE, 99))
          .isEqualTo((byte) 5);
      disk.release(arrived.buffer());
    }
    try (var disk = start(KvFile.open(path(), "model", LAYOUT, LAYOUT.blockBytes(), 20))) {
      assertThat(await(disk, Arrival.Scanned.class).found())
          .extracting(KvFile.Found::slot)
          .containsExactly(3, 4, 5);
    }
  }

  @Test
  void aReadIsGoodUpToWhatIsNotThere() throws Exception {
    try (var disk = start(KvFile.open(path(), "model", LAYOUT, LAYOUT.blockBytes(), 20))) {
      write(disk, 0, 1, 2, 3);
      await(disk, Arrival.Written.class);

      disk.read(new KvDisk.Read(1, 0, 0, hashes(1, 9, 3)));
      assertThat(await(disk, Arrival.Arrived.class).good()).isEqualTo(1);
      disk.read(new KvDisk.Read(2, 0, 10, hashes(1)));
      assertThat(await(disk, Arrival.Arrived.class).good()).isZero();
    }
  }

  @Test
  void aFullDiskCostsTheBlocksAndNothingElse() throws Exception {
    var small = new SmallDisk(channel(), Long.MAX_VALUE);
    var file = new KvFile(small, "model", LAYOUT, LAYOUT.blockBytes(), 20);
    small.room = 2 * file.slotBytes();
    try (var disk = start(file)) {
      write(disk, 0, 1, 2);
      assertThat(await(disk, Arrival.Written.class).whole()).isTrue();
      for (int i = 0; i < 10; i++) { // more often than there are buffers
        write(disk, 2, 3, 4);
        assertThat(await(disk, Arrival.Written.class))
            .isEqualTo(new Arrival.Written(2, hashes(3, 4), false));
      }
      write(disk, 0, 5);
      assertThat(await(disk, Arrival.Written.class).whole()).isTrue();

      disk.read(new KvDisk.Read(1, 0, 0, hashes(5, 2)));
      assertThat(await(disk, Arrival.Arrived.class).good()).isEqualTo(2);
    }
  }

  /// So many that buffers are read, checked and copied at the same time.
  @Test
  void aDamagedBlockInTheMiddleOfManyReadsIsFoundAndNoOther() throws Exception {
    int reads = 40;
    int damaged = 21;
    var file = KvFile.open(path(), "model", LAYOUT, LAYOUT.blockBytes(), 3 * reads);
    try (var disk = start(file)) {
      for (int i = 0; i < reads; i++) {
        write(disk, 3 * i, 3 * i, 3 * i + 1, 3 * i + 2);
        assertThat(await(disk, Arrival.Written.class).whole()).isTrue();
      }
      flip((3 * damaged + 1) * file.slotBytes() + KvRecord.HEADER_BYTES + 77);

      for (int i = 0; i < reads; i++) {
        disk.read(new KvDisk.Read(i, 0, 3 * i, hashes(3 * i, 3 * i + 1, 3 * i + 2)));
      }

      var come = new BitSet();
      while (come.cardinality() < reads) {
        var arrived = await(disk, Arrival.Arrived.class);
        int number = (int) arrived.read().ticket();
        come.set(number);
        assertThat(arrived.good()).as("read %d", number).isEqualTo(number == damaged ? 1 : 3);
        for (int i = 0; i < arrived.good(); i++) {
          assertThat(disk.block(arrived.buffer(), i).get(ValueLayout.JAVA_BYTE, 99))
              .isEqualTo((byte) (3 * number + i));
        }
        disk.release(arrived.buffer());
      }
    }
  }

  @Test
  void closingWritesWhatIsUnderWayAndLeavesReadsAlone() throws Exception {
    try (var disk = start(KvFile.open(path(), "model", LAYOUT, LAYOUT.blockBytes(), 20))) {
      write(disk, 0, 1);
      await(disk, Arrival.Written.class);
      for (int i = 0; i < 1000; i++) {
        disk.read(new KvDisk.Read(i, 0, 0, hashes(1)));
      }
      for (int i = 1; i <= KvDisk.BUFFERS; i++) {
        write(disk, i, i + 1);
      }
    }
    assertThat(threads()).isEmpty();
    try (var disk = start(KvFile.open(path(), "model", LAYOUT, LAYOUT.blockBytes(), 20))) {
      assertThat(await(disk, Arrival.Scanned.class).found())
          .extracting(KvFile.Found::slot)
          .containsExactly(0, 1, 2, 3, 4);
    }
  }

  /// Whatever still reads after it was closed reads into memory that is there.
  @Test
  void whatADiskThatHangsStillUsesIsNotFreed() throws Exception {
    var slow = new SmallDisk(channel(), Long.MAX_VALUE);
    var file = new KvFile(slow, "model", LAYOUT, LAYOUT.blockBytes(), 20);
    var disk = KvDisk.start(file, Duration.ofMillis(50));
    disk.onArrival(wakes::release);
    write(disk, 0, 1);
    await(disk, Arrival.Tried.class);
    await(disk, Arrival.Written.class);
    int before = slow.begun.get();
    slow.opens = new CountDownLatch(1);
    disk.read(new KvDisk.Read(1, 0, 0, hashes(1)));
    while (slow.begun.get() == before) {
      Thread.sleep(1); // The class's time-out ends it.
    }

    disk.close();
    assertThat(threads()).contains("kv-disk-reader");
    slow.opens.countDown();

    while (threads().contains("kv-disk-reader")) {
      Thread.sleep(1);
    }
    assertThat(slow.done).hasValue(before + 1);
    file.close();
  }

  @Test
  void closingDoesNotWaitUntilALargeFileWasLookedThrough() throws Exception {
    try (var disk = start(KvFile.open(path(), "model", LAYOUT, LAYOUT.blockBytes(), 20))) {
      write(disk, 0, 1, 2, 3, 4, 5, 6);
      await(disk, Arrival.Written.class);
    }
    var slow = new SmallDisk(channel(), Long.MAX_VALUE);
    slow.opens = new CountDownLatch(1);
    var disk = KvDisk.start(new KvFile(slow, "model", LAYOUT, LAYOUT.blockBytes(), 20));
    while (slow.begun.get() == 0) {
      Thread.sleep(1); // The class's time-out ends it.
    }

    var closing = Thread.ofPlatform().start(disk::close);
    while (closing.getState() != Thread.State.TIMED_WAITING) {
      Thread.sleep(1);
    }
    slow.opens.countDown();
    closing.join();

    assertThat(slow.done).hasValue(1);
    assertThat(slow.isOpen()).isFalse();
  }

  @Test
  void whoIsInterruptedWhileClosingClosesAllTheSame() throws Exception {
    for (int i = 0; i < 2; i++) {
      var disk = start(KvFile.open(path(), "model", LAYOUT, LAYOUT.blockBytes(), 20));
      Thread.currentThread().interrupt();

      disk.close();

      assertThat(Thread.interrupted()).isTrue();
    }
  }

  private static List<String> threads() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(Thread::isAlive)
        .map(Thread::getName)
        .filter(name -> name.startsWith("kv-disk"))
        .toList();
  }

  private void flip(long at) throws IOException {
    try (var channel = channel()) {
      var one = ByteBuffer.allocate(1);
      channel.read(one, at);
      one.put(0, (byte) (one.get(0) ^ 4)).rewind();
      channel.write(one, at);
    }
  }

  private KvDisk start(KvFile file) {
    var disk = KvDisk.start(file);
    disk.onArrival(wakes::release);
    return disk;
  }

  private static void write(KvDisk disk, int slot, int... contents) {
    var buffer = disk.bufferToWrite();
    assertThat(buffer).isNotNull();
    for (int i = 0; i < contents.length; i++) {
      disk.block(buffer, i).fill((byte) contents[i]);
    }
    disk.write(
        slot,
        hashes(contents).stream().map(hash -> KvLabel.block(hash, LAYOUT, 0)).toList(),
        buffer);
  }

  /// The next of its kind; others are passed over.
  private <A extends Arrival> A await(KvDisk disk, Class<A> kind) throws InterruptedException {
    while (true) {
      var arrival = disk.poll();
      if (kind.isInstance(arrival)) {
        return kind.cast(arrival);
      }
      if (arrival == null) {
        wakes.tryAcquire(10, TimeUnit.MILLISECONDS); // The class's time-out ends it.
      }
    }
  }

  private static List<BlockHash> hashes(int... contents) {
    return IntStream.of(contents).mapToObj(i -> new BlockHash(i, 0, 0, 0)).toList();
  }

  private Path path() {
    return directory.resolve("blocks");
  }

  private FileChannel channel() throws IOException {
    return FileChannel.open(
        path(), StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
  }
}
