package io.dejavu.kv;

import io.dejavu.tensor.HostBuffer;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/// What a disk gives a {@link KvFile}, beside what it gives a program that only copies: the same
/// bytes in pieces of the same size, without headers and checksums, as `dd oflag=direct` does it.
/// Both write and read in turn, so that a disk which is shared or throttled is so for both.
///
/// @param rounds of both; the median counts
public record KvFileSpeed(Path directory, long sliceBytes, int slices, int rounds) {
  public KvFileSpeed {
    if (sliceBytes < 1 || slices < 1 || rounds < 1) {
      throw new IllegalArgumentException(
          "%d rounds of %d slices of %d bytes".formatted(rounds, slices, sliceBytes));
    }
  }

  /// Bytes per second.
  ///
  /// @param written with headers and checksums
  /// @param read and verified
  /// @param rawWritten by the program that only copies
  /// @param rawRead by it
  /// @param direct whether the page cache was left out
  public record Result(
      double written, double read, double rawWritten, double rawRead, boolean direct) {}

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
        var buffer = file.allocate(1)) {
      var times = new double[4][rounds];
      for (int round = 0; round < rounds; round++) {
        if (round % 2 == 0) {
          records(file, layout, buffer, times, round);
          raw(raw, buffer, file.slotBytes(), times, round);
        } else {
          raw(raw, buffer, file.slotBytes(), times, round);
          records(file, layout, buffer, times, round);
        }
      }
      double payload = (double) sliceBytes * slices;
      double whole = (double) file.slotBytes() * slices;
      return new Result(
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

  private void records(KvFile file, KvLayout layout, HostBuffer buffer, double[][] times, int round)
      throws IOException {
    var payload = new long[] {sliceBytes};
    long begin = System.nanoTime();
    for (int i = 0; i < slices; i++) {
      file.write(i, new KvLabel[] {label(i, layout)}, payload, buffer);
    }
    times[0][round] = seconds(begin);
    begin = System.nanoTime();
    for (int i = 0; i < slices; i++) {
      file.readRecord(i, label(i, layout).content(), buffer);
    }
    times[1][round] = seconds(begin);
  }

  private static KvLabel label(int number, KvLayout layout) {
    return KvLabel.block(new BlockHash(number, 0, 0, 0), layout, 0);
  }

  private void raw(FileChannel channel, HostBuffer buffer, long bytes, double[][] times, int round)
      throws IOException {
    long begin = System.nanoTime();
    for (int i = 0; i < slices; i++) {
      KvFile.transfer(buffer.segment().asSlice(0, bytes), i * bytes, channel::write);
    }
    times[2][round] = seconds(begin);
    begin = System.nanoTime();
    for (int i = 0; i < slices; i++) {
      KvFile.transfer(buffer.segment().asSlice(0, bytes), i * bytes, channel::read);
    }
    times[3][round] = seconds(begin);
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
