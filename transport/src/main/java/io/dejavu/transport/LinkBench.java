package io.dejavu.transport;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;
import java.util.zip.CRC32C;

/// How fast connections to a second process on this machine are, beside what the machine does
/// without us: a plain program that writes and reads a socket of the same kind in calls of the same
/// size, or, for shared memory, copies from memory to memory in pieces of the same size. The two
/// take turns, and medians of several rounds are compared, because other work disturbs both.
///
/// Bodies come from and go to memory outside the heap that is much larger than caches.
public final class LinkBench {
  /// Sizes of bodies, in bytes.
  public static final List<Long> PIECES =
      List.of(4L << 10, 16L << 10, 64L << 10, 256L << 10, 1L << 20, 4L << 20, 16L << 20);

  /// Bytes of the memory that bodies come from and go to.
  static final long MEMORY = 128L << 20;

  /// Most bytes of a body.
  public static final long MOST_PIECE = MEMORY / 2;

  static final int MESSAGE = 1 << 10;

  private static final long MOST_PER_ROUND = 256L << 20;
  private static final int MOST_PIECES_PER_ROUND = 8192;
  private static final int ROUND_TRIPS = 5000;
  private static final int MESSAGES = 50_000;

  /// A way to the second process.
  public enum Link {
    SHARED_MEMORY("shared memory"),
    UNIX("Unix-domain socket"),
    TCP("TCP on loopback");

    private final String title;

    Link(String title) {
      this.title = title;
    }

    /// For people.
    public String title() {
      return title;
    }
  }

  /// What one link does with bodies of one size.
  ///
  /// @param pieceBytes of each body
  /// @param bandwidth bytes per second, median
  /// @param plain bytes per second of the plain program, median
  public record Bandwidth(Link link, long pieceBytes, double bandwidth, double plain) {
    /// Of what the plain program reaches.
    public double share() {
      return bandwidth / plain;
    }
  }

  /// What one link does with bodies of 1 KiB.
  ///
  /// @param roundTrip there and back, median
  /// @param slowest99 there and back, of 99 in 100
  /// @param plainRoundTrip of the plain program, median; zero for shared memory, which has none
  /// @param messages in one direction, per second, median
  public record Small(
      Link link,
      Duration roundTrip,
      Duration slowest99,
      Duration plainRoundTrip,
      double messages) {}

  /// All of it.
  ///
  /// @param crc32c bytes per second of `java.util.zip.CRC32C` over memory larger than caches
  /// @param crc32cCached the same over 1 MiB again and again
  public record Report(
      List<Bandwidth> bandwidths, List<Small> smalls, double crc32c, double crc32cCached) {
    /// As a table for a terminal.
    public List<String> lines() {
      List<String> lines = new ArrayList<>();
      lines.add("%-20s %9s %9s %9s %6s".formatted("", "body", "GB/s", "plain", "share"));
      for (Bandwidth row : bandwidths) {
        lines.add(
            String.format(
                Locale.ROOT,
                "%-20s %5d KiB %9.2f %9.2f %5.0f%%",
                row.link.title,
                row.pieceBytes >> 10,
                row.bandwidth / 1e9,
                row.plain / 1e9,
                100 * row.share()));
      }
      for (Small row : smalls) {
        lines.add(
            String.format(
                Locale.ROOT,
                "%-20s    1 KiB round trip %.1f µs (99 of 100: %.1f, plain %.1f), %.0f messages/s",
                row.link.title,
                row.roundTrip.toNanos() / 1e3,
                row.slowest99.toNanos() / 1e3,
                row.plainRoundTrip.toNanos() / 1e3,
                row.messages));
      }
      lines.add(
          String.format(
              Locale.ROOT,
              "CRC32C alone: %.1f GB/s from memory, %.1f from cache",
              crc32c / 1e9,
              crc32cCached / 1e9));
      return lines;
    }
  }

  private final int rounds;
  private final Consumer<String> progress;

  /// @param rounds of which the median counts
  /// @param progress told what is measured next
  public LinkBench(int rounds, Consumer<String> progress) {
    if (rounds < 1) {
      throw new IllegalArgumentException(rounds + " rounds");
    }
    this.rounds = rounds;
    this.progress = progress;
  }

  /// Measures, about 3 s a round.
  ///
  /// @throws IOException if the second process cannot be started or is lost
  public Report run(List<Link> links, List<Long> pieces) throws IOException {
    List<Bandwidth> bandwidths = new ArrayList<>();
    List<Small> smalls = new ArrayList<>();
    try (var arena = Arena.ofShared()) {
      MemorySegment source = arena.allocate(MEMORY, 4096).fill((byte) 1);
      MemorySegment target = arena.allocate(MEMORY, 4096).fill((byte) 2);
      for (Link link : links) {
        Path folder = Files.createTempDirectory("dejavu-links");
        try (var peer = LinkPeer.start(link, folder)) {
          for (long piece : pieces) {
            progress.accept("%s, %d KiB".formatted(link.title, piece >> 10));
            bandwidths.add(bandwidth(link, peer, piece, source, target));
          }
          progress.accept("%s, round trips".formatted(link.title));
          smalls.add(small(link, peer, source, target));
        } finally {
          Files.deleteIfExists(folder.resolve(LinkPeer.SOCKET));
          Files.deleteIfExists(folder.resolve(LinkPeer.PLAIN_SOCKET));
          Files.deleteIfExists(folder);
        }
      }
      progress.accept("CRC32C");
      return new Report(bandwidths, smalls, crc32c(source, MEMORY), crc32c(source, 1 << 20));
    }
  }

  private Bandwidth bandwidth(
      Link link, LinkPeer peer, long piece, MemorySegment source, MemorySegment target)
      throws IOException {
    int count = Math.clamp(MOST_PER_ROUND / piece, 1, MOST_PIECES_PER_ROUND);
    var ours = new double[rounds];
    var plain = new double[rounds];
    for (int round = -1; round < rounds; round++) { // the first one warms up
      double our = piece * count / seconds(() -> peer.send(source, piece, count));
      double theirs =
          piece
              * count
              / seconds(
                  () -> {
                    if (link == Link.SHARED_MEMORY) {
                      copy(source, target, piece, count);
                    } else {
                      peer.sendPlainly(source, piece, count);
                    }
                  });
      if (round >= 0) {
        ours[round] = our;
        plain[round] = theirs;
      }
    }
    return new Bandwidth(link, piece, median(ours), median(plain));
  }

  private Small small(Link link, LinkPeer peer, MemorySegment source, MemorySegment target)
      throws IOException {
    MemorySegment message = source.asSlice(0, MESSAGE);
    MemorySegment answer = target.asSlice(0, MESSAGE);
    var middles = new double[rounds];
    var slowest = new double[rounds];
    var plainMiddles = new double[rounds];
    var messages = new double[rounds];
    for (int round = -1; round < rounds; round++) {
      long[] trips = peer.roundTrips(message, answer, ROUND_TRIPS);
      long[] plain =
          link == Link.SHARED_MEMORY
              ? new long[ROUND_TRIPS]
              : peer.plainRoundTrips(message, answer, ROUND_TRIPS);
      double perSecond = MESSAGES / seconds(() -> peer.send(message, MESSAGE, MESSAGES));
      if (round >= 0) {
        middles[round] = trips[ROUND_TRIPS / 2];
        slowest[round] = trips[ROUND_TRIPS * 99 / 100];
        plainMiddles[round] = plain[ROUND_TRIPS / 2];
        messages[round] = perSecond;
      }
    }
    return new Small(
        link,
        Duration.ofNanos((long) median(middles)),
        Duration.ofNanos((long) median(slowest)),
        Duration.ofNanos((long) median(plainMiddles)),
        median(messages));
  }

  private static void copy(MemorySegment source, MemorySegment target, long piece, int count) {
    long at = 0;
    for (int i = 0; i < count; i++) {
      MemorySegment.copy(source, at, target, at, piece);
      at = (at + piece) % MEMORY;
    }
  }

  private double crc32c(MemorySegment memory, long bytes) throws IOException {
    ByteBuffer buffer = memory.asSlice(0, bytes).asByteBuffer();
    long times = MOST_PER_ROUND / bytes;
    var speeds = new double[rounds];
    for (int round = -1; round < rounds; round++) {
      var crc = new CRC32C();
      double speed =
          bytes
              * times
              / seconds(
                  () -> {
                    for (long i = 0; i < times; i++) {
                      crc.update(buffer.clear());
                    }
                  });
      if (round >= 0) {
        speeds[round] = speed;
      }
    }
    return median(speeds);
  }

  private interface Work {
    void run() throws IOException;
  }

  private static double seconds(Work work) throws IOException {
    long start = System.nanoTime();
    work.run();
    return (System.nanoTime() - start) / 1e9;
  }

  private static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    int middle = sorted.length / 2;
    return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  }
}
