package io.dejavu.kv.disk;

import io.dejavu.kv.BlockHash;
import io.dejavu.kv.KvLayout;
import io.dejavu.tensor.HostBuffer;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;

/// What a disk gives records of keys and values, beside what it gives a program that only copies:
/// as many bytes in transfers of the same size, without headers and checksums, as `dd oflag=direct`
/// does it. Both write and read in turn, so that a disk which is shared or throttled is so for
/// both.
///
/// Records move as blocks do, by {@link KvDisk}, several in a transfer; those that are too large
/// for its buffers one by one, by {@link KvFile}.
///
/// @param rounds of both; the median counts
public record KvFileSpeed(Path directory, long sliceBytes, int slices, int rounds) {
  private static final int PATIENCE_SECONDS = 60;

  public KvFileSpeed {
    if (sliceBytes < 1 || slices < 1 || rounds < 1) {
      throw new IllegalArgumentException(
          "%d rounds of %d slices of %d bytes".formatted(rounds, slices, sliceBytes));
    }
  }

  /// Bytes per second: payload of records, and all bytes of the program that only copies.
  ///
  /// @param perTransfer records
  /// @param written with headers and checksums
  /// @param read and verified
  /// @param rawWritten by the program that only copies
  /// @param rawRead by it
  /// @param direct whether the page cache was left out
  public record Result(
      int perTransfer,
      double written,
      double read,
      double rawWritten,
      double rawRead,
      boolean direct) {}

  /// One way to move all bytes.
  private interface Way {
    void write() throws IOException;

    void read() throws IOException;
  }

  /// Measures; takes as long as it takes, and leaves no file.
  ///
  /// @param layout any of which `sliceBytes` could be
  public Result measure(KvLayout layout) throws IOException {
    Files.createDirectories(directory);
    var recordsPath = Files.createTempFile(directory, "speed", ".dejavu");
    var rawPath = Files.createTempFile(directory, "speed", ".raw");
    var plain = DirectChannel.open(rawPath);
    try (var raw = plain.channel();
        var file = KvFile.open(recordsPath, "speed", layout, sliceBytes, slices);
        var disk = sliceBytes > KvDisk.BUFFER_BYTES ? null : KvDisk.start(file)) {
      // Who interrupts this leaves no file either: without a name they live as long as they are
      // open.
      Files.deleteIfExists(recordsPath);
      Files.deleteIfExists(rawPath);
      int perTransfer = disk == null ? 1 : disk.records();
      long whole = file.slotBytes() * slices;
      double[][] times;
      try (var buffer = file.allocate(perTransfer)) {
        fill(buffer.segment());
        var records = disk == null ? oneByOne(file, buffer, layout) : byDisk(disk, layout);
        times = inTurn(records, plain(raw, buffer, whole));
      }
      double payload = (double) sliceBytes * slices;
      return new Result(
          perTransfer,
          payload / median(times[0]),
          payload / median(times[1]),
          whole / median(times[2]),
          whole / median(times[3]),
          plain.direct());
    } finally {
      Files.deleteIfExists(recordsPath);
      Files.deleteIfExists(rawPath);
    }
  }

  /// Seconds of writing and reading by each, round by round.
  private double[][] inTurn(Way ours, Way plain) throws IOException {
    var times = new double[4][rounds];
    for (int round = 0; round < rounds; round++) {
      for (int turn = 0; turn < 2; turn++) {
        boolean isOurs = turn == round % 2;
        var way = isOurs ? ours : plain;
        int row = isOurs ? 0 : 2;
        long begin = System.nanoTime();
        way.write();
        times[row][round] = seconds(begin);
        begin = System.nanoTime();
        way.read();
        times[row + 1][round] = seconds(begin);
      }
    }
    return times;
  }

  private Way plain(FileChannel channel, HostBuffer buffer, long bytes) {
    return new Way() {
      @Override
      public void write() throws IOException {
        all(channel::write);
      }

      @Override
      public void read() throws IOException {
        all(channel::read);
      }

      private void all(DirectChannel.Transfer transfer) throws IOException {
        for (long at = 0; at < bytes; at += buffer.bytes()) {
          long part = Math.min(buffer.bytes(), bytes - at);
          DirectChannel.transfer(buffer.segment().asSlice(0, part), at, transfer);
        }
      }
    };
  }

  private Way oneByOne(KvFile file, HostBuffer buffer, KvLayout layout) {
    return new Way() {
      @Override
      public void write() throws IOException {
        for (int i = 0; i < slices; i++) {
          file.write(i, new KvLabel[] {label(i, layout)}, new long[] {sliceBytes}, buffer);
        }
      }

      @Override
      public void read() throws IOException {
        for (int i = 0; i < slices; i++) {
          file.readRecord(i, content(i), buffer);
        }
      }
    };
  }

  private Way byDisk(KvDisk disk, KvLayout layout) {
    var arrived = new Semaphore(0);
    disk.onArrival(arrived::release);
    return new Way() {
      private final Set<HostBuffer> filled = new HashSet<>();

      @Override
      public void write() throws IOException {
        int underWay = 0;
        for (int slot = 0; slot < slices; slot += disk.records()) {
          while (underWay == KvDisk.BUFFERS) {
            underWay -= isWritten(next()) ? 1 : 0;
          }
          var buffer = Objects.requireNonNull(disk.bufferToWrite());
          if (filled.add(buffer)) {
            slots(slot).forEach(i -> fill(disk.block(buffer, i % disk.records())));
          }
          disk.write(slot, slots(slot).mapToObj(i -> label(i, layout)).toList(), buffer);
          underWay++;
        }
        while (underWay > 0) {
          underWay -= isWritten(next()) ? 1 : 0;
        }
      }

      private boolean isWritten(KvDisk.Arrival arrival) throws IOException {
        if (arrival instanceof KvDisk.Arrival.Written(var slot, _, boolean whole) && !whole) {
          throw new IOException("slot %d cannot be written".formatted(slot));
        }
        return arrival instanceof KvDisk.Arrival.Written;
      }

      @Override
      public void read() throws IOException {
        int underWay = 0;
        for (int slot = 0; slot < slices; slot += disk.records()) {
          List<BlockHash> contents = slots(slot).mapToObj(KvFileSpeed::content).toList();
          disk.read(new KvDisk.Read(0, 0, slot, contents));
          underWay++;
        }
        while (underWay > 0) {
          if (next() instanceof KvDisk.Arrival.Arrived come) {
            disk.release(come.buffer());
            underWay--;
            if (come.good() < come.read().contents().size()) {
              throw new IOException(
                  "slot %d was not read back".formatted(come.read().slot() + come.good()));
            }
          }
        }
      }

      private IntStream slots(int first) {
        return IntStream.range(first, Math.min(slices, first + disk.records()));
      }

      private KvDisk.Arrival next() throws IOException {
        try {
          for (var next = disk.poll(); ; next = disk.poll()) {
            if (next != null) {
              return next;
            }
            if (!arrived.tryAcquire(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
              throw new IOException("nothing in %d s".formatted(PATIENCE_SECONDS));
            }
          }
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
          throw new IOException("interrupted", e);
        }
      }
    };
  }

  /// Disks may be quicker with zeros.
  private static void fill(MemorySegment bytes) {
    var random = new SplittableRandom(1);
    for (long at = 0; at + 8 <= bytes.byteSize(); at += 8) {
      bytes.set(ValueLayout.JAVA_LONG_UNALIGNED, at, random.nextLong());
    }
  }

  private static KvLabel label(int number, KvLayout layout) {
    return KvLabel.block(content(number), layout, 0);
  }

  private static BlockHash content(int number) {
    return new BlockHash(number, 0, 0, 0);
  }

  private static double seconds(long begin) {
    return Math.max(1, System.nanoTime() - begin) / 1e9;
  }

  private static double median(double[] times) {
    var sorted = times.clone();
    Arrays.sort(sorted);
    return sorted[sorted.length / 2];
  }
}
