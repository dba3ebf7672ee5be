package io.dejavu.kv.disk;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.dejavu.kv.BlockHash;
import io.dejavu.kv.HeadRange;
import io.dejavu.kv.KvLayout;
import io.dejavu.kv.KvSlice;
import io.dejavu.kv.LayerRange;
import io.dejavu.kv.TokenRange;
import io.dejavu.tensor.DType;
import io.dejavu.tensor.HostBuffer;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class KvFileTest {
  private static final KvLayout LAYOUT =
      new KvLayout(new LayerRange(0, 3), 10, HeadRange.all(2), 16, 24, DType.BF16);
  private static final int BYTES = (int) LAYOUT.blockBytes();

  @TempDir private Path directory;

  @Test
  void whatWasWrittenIsThereAfterARestart() throws IOException {
    try (var file = open(20);
        var buffer = file.allocate(3)) {
      write(file, buffer, 4, 7, 8, 9);
      write(file, buffer, 0, 1);
    }

    try (var file = open(20);
        var buffer = file.allocate(3)) {
      var found = scan(file);
      assertThat(found).extracting(KvFile.Found::slot).containsExactly(0, 4, 5, 6);
      assertThat(found).extracting(KvFile.Found::written).containsExactly(3L, 0L, 1L, 2L);
      assertThat(found.getLast().label()).isEqualTo(KvLabel.block(hash(9), LAYOUT, 1234.5));

      file.read(4, 3, buffer);
      for (int i = 0; i < 3; i++) {
        file.verify(4 + i, hash(7 + i), buffer, i);
        assertThat(content(file, buffer, i)).isEqualTo(bytes(7 + i));
      }
      write(file, buffer, 19, 5);
      assertThat(scan(file).getLast().written()).isEqualTo(4);
    }
  }

  @Test
  void aSlotThatHoldsSomethingElseIsRefused() throws IOException {
    try (var file = open(20);
        var buffer = file.allocate(1)) {
      write(file, buffer, 0, 1);

      file.read(0, 1, buffer);

      assertThatThrownBy(() -> file.verify(0, hash(2), buffer, 0))
          .isInstanceOf(KvFileException.class)
          .hasMessageStartingWith("slot 0 holds");
      assertThatThrownBy(() -> file.verify(1, hash(1), buffer, 0))
          .isInstanceOf(KvFileException.class);
      assertThatThrownBy(() -> file.read(5, 1, buffer)).isInstanceOf(IOException.class);
      assertThatThrownBy(() -> file.read(20, 1, buffer))
          .isInstanceOf(IndexOutOfBoundsException.class);
    }
  }

  /// Any byte, of header or payload: nothing damaged is believed.
  @Test
  void aBitThatFlipsIsFound() throws IOException {
    var random = new SplittableRandom(5);
    for (int i = 0; i < 100; i++) {
      int at = i < 50 ? random.nextInt(168) : random.nextInt(KvRecord.HEADER_BYTES + BYTES);
      try (var file = open(2);
          var buffer = file.allocate(1)) {
        write(file, buffer, 1, 3);
        flip(file.slotBytes() + at, 1 << random.nextInt(8));

        file.read(1, 1, buffer);

        assertThatThrownBy(() -> file.verify(1, hash(3), buffer, 0))
            .as("byte %d", at)
            .isInstanceOf(KvFileException.class);
      }
    }
  }

  /// A crash leaves a part of a write: the front of it, over an older record.
  @Test
  void aTornWriteIsFound() throws IOException {
    try (var file = open(1);
        var buffer = file.allocate(1)) {
      write(file, buffer, 0, 1);
    }
    var old = Files.readAllBytes(path());
    try (var file = open(1);
        var buffer = file.allocate(1)) {
      write(file, buffer, 0, 2);
    }
    var whole = Files.readAllBytes(path());
    for (int torn = 512; torn < KvRecord.HEADER_BYTES + BYTES; torn += 512) {
      var mixed = old.clone();
      System.arraycopy(whole, 0, mixed, 0, torn);
      Files.write(path(), mixed);
      try (var file = open(1);
          var buffer = file.allocate(1)) {
        file.read(0, 1, buffer);

        assertThatThrownBy(() -> file.verify(0, hash(2), buffer, 0))
            .as("%d bytes", torn)
            .isInstanceOf(KvFileException.class)
            .hasMessage("slot 0 was not written to its end");
      }
    }
  }

  @Test
  void aFileOfAnotherModelOrLayoutHasNothingForUs() throws IOException {
    try (var file = open(2);
        var buffer = file.allocate(1)) {
      write(file, buffer, 0, 1);
    }
    try (var other = KvFile.open(path(), "another", LAYOUT, BYTES, 2)) {
      assertThat(scan(other)).isEmpty();
    }
    var sameSize = new KvLayout(new LayerRange(0, 3), 10, HeadRange.all(2), 8, 48, DType.BF16);
    try (var other = KvFile.open(path(), "model", sameSize, BYTES, 2)) {
      assertThat(scan(other)).isEmpty();
    }
  }

  @Test
  void oneProcessHasItAtATime() throws IOException {
    try (var _ = open(2)) {
      assertThatThrownBy(() -> open(2)).isInstanceOf(IOException.class).hasMessageContaining("use");
      // To open and close it once more must not have given the lock away.
      var locks = Path.of("/proc/locks");
      if (Files.isReadable(locks)) {
        var file = ":%s ".formatted(Files.getAttribute(path(), "unix:ino"));
        assertThat(Files.readString(locks)).contains(file);
      }
    }
    open(2).close();
  }

  @Test
  void nobodyElseReadsIt() throws IOException {
    try (var _ = open(2)) {
      assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(path())))
          .isEqualTo("rw-------");
    }
  }

  @Test
  void aFullDiskCostsTheRecordsThatDoNotFit() throws IOException {
    try (var disk = new SmallDisk(channel(), 10_000);
        var file = new KvFile(disk, "model", LAYOUT, BYTES, 20);
        var buffer = file.allocate(1)) {
      disk.room = 2 * file.slotBytes() + 5000;
      write(file, buffer, 0, 1);
      write(file, buffer, 1, 2);

      assertThatThrownBy(() -> write(file, buffer, 2, 3))
          .isInstanceOf(IOException.class)
          .hasMessage("No space left on device");

      assertThat(scan(file)).extracting(KvFile.Found::slot).containsExactly(0, 1);
      write(file, buffer, 1, 4);
      file.read(1, 1, buffer);
      assertThat(content(file, buffer, 0)).isEqualTo(bytes(4));
    }
  }

  @Test
  void slicesOfAnyLengthHaveTheirRequestsName() throws IOException {
    var slice = new KvSlice(new LayerRange(1, 2), new TokenRange(5, 105), new HeadRange(0, 1));
    var label = new KvLabel(hash(1), 77, slice, 0);
    try (var file = KvFile.open(path(), "model", LAYOUT, 1 << 20, 2);
        var buffer = file.allocate(1)) {
      file.payload(buffer, 0).fill((byte) 9);
      file.write(0, new KvLabel[] {label}, new long[] {12_345}, buffer);
      file.read(0, 1, buffer);

      assertThat(file.verify(0, hash(1), buffer, 0)).isEqualTo(label);
      assertThat(file.readRecord(0, hash(1), buffer)).isEqualTo(label);
    }
  }

  @Test
  void largeRecordsAreCheckedWhileTheyCome() throws IOException {
    long most = 20_000_000;
    var label = KvLabel.block(hash(1), LAYOUT, 0);
    try (var file = KvFile.open(path(), "model", LAYOUT, most, 2);
        var buffer = file.allocate(1)) {
      var payload = file.payload(buffer, 0);
      var bytes = new byte[(int) most - 7];
      new SplittableRandom(1).nextBytes(bytes);
      payload.asSlice(0, bytes.length).copyFrom(MemorySegment.ofArray(bytes));
      file.write(1, new KvLabel[] {label}, new long[] {bytes.length}, buffer);
      payload.fill((byte) 0);

      assertThat(file.readRecord(1, hash(1), buffer)).isEqualTo(label);
      assertThat(payload.asSlice(0, bytes.length).mismatch(MemorySegment.ofArray(bytes)))
          .isEqualTo(-1);
      assertThat(file.verify(1, hash(1), buffer, 0)).isEqualTo(label);

      for (long at : new long[] {KvRecord.HEADER_BYTES, 9_000_000, 17_000_001, bytes.length}) {
        flip(file.slotBytes() + at, 4);
        assertThatThrownBy(() -> file.readRecord(1, hash(1), buffer))
            .isInstanceOf(KvFileException.class)
            .hasMessage("slot 1 was not written to its end");
        flip(file.slotBytes() + at, 4);
      }
      assertThat(file.readRecord(1, hash(1), buffer)).isEqualTo(label);
    }
  }

  /// The last record of a file ends where it ends, not where its slot does.
  @Test
  void aShortRecordInALargeSlotIsRead() throws IOException {
    var label = KvLabel.block(hash(1), LAYOUT, 0);
    try (var file = KvFile.open(path(), "model", LAYOUT, 20_000_000, 2);
        var buffer = file.allocate(1)) {
      for (long bytes : new long[] {4 << 20, (4 << 20) + 1, 5_000_000, 4 << 20}) {
        file.payload(buffer, 0).fill((byte) bytes);
        file.write(1, new KvLabel[] {label}, new long[] {bytes}, buffer);

        assertThat(file.readRecord(1, hash(1), buffer)).isEqualTo(label);
        assertThat(file.verify(1, hash(1), buffer, 0)).isEqualTo(label);
        assertThat(scan(file)).extracting(KvFile.Found::slot).containsExactly(1);
      }
      assertThatThrownBy(() -> file.readRecord(0, hash(1), buffer))
          .isInstanceOf(KvFileException.class);
    }
  }

  @Test
  void itsSpeedIsMeasuredBesideThatOfAPlainCopy() throws IOException {
    for (int bytes : new int[] {1 << 16, 5 << 20}) {
      var speed = new KvFileSpeed(directory, bytes, 4, 3).measure(LAYOUT);

      assertThat(speed.perTransfer()).isEqualTo(bytes == 1 << 16 ? 60 : 1);
      assertThat(speed.written()).isPositive();
      assertThat(speed.read()).isPositive();
      assertThat(speed.rawWritten()).isPositive();
      assertThat(speed.rawRead()).isPositive();
      assertThat(directory).isEmptyDirectory();
    }
  }

  private KvFile open(int slots) throws IOException {
    return KvFile.open(path(), "model", LAYOUT, BYTES, slots);
  }

  private Path path() {
    return directory.resolve("blocks");
  }

  private FileChannel channel() throws IOException {
    return FileChannel.open(
        path(), StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
  }

  private void flip(long at, int mask) throws IOException {
    try (var channel = channel()) {
      var one = ByteBuffer.allocate(1);
      channel.read(one, at);
      one.put(0, (byte) (one.get(0) ^ mask)).rewind();
      channel.write(one, at);
    }
  }

  private static void write(KvFile file, HostBuffer buffer, int slot, int... contents)
      throws IOException {
    var labels = new KvLabel[contents.length];
    for (int i = 0; i < contents.length; i++) {
      labels[i] = KvLabel.block(hash(contents[i]), LAYOUT, 1234.5);
      file.payload(buffer, i).copyFrom(MemorySegment.ofArray(bytes(contents[i])));
    }
    file.writeBlocks(slot, labels, buffer);
  }

  private static byte[] content(KvFile file, HostBuffer buffer, int index) {
    return file.payload(buffer, index).toArray(ValueLayout.JAVA_BYTE);
  }

  private static List<KvFile.Found> scan(KvFile file) throws IOException {
    var found = new ArrayList<KvFile.Found>();
    file.scan(found::add);
    return found;
  }

  private static byte[] bytes(int seed) {
    var bytes = new byte[BYTES];
    new SplittableRandom(seed).nextBytes(bytes);
    return bytes;
  }

  private static BlockHash hash(int content) {
    return BlockHash.root("block", Integer.toString(content));
  }
}
