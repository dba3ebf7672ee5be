package io.dejavu.serve.bench.kv;

import io.dejavu.kv.HeadRange;
import io.dejavu.kv.KvLayout;
import io.dejavu.kv.KvMemory;
import io.dejavu.kv.LayerRange;
import io.dejavu.kv.TokenRange;
import io.dejavu.kv.stream.KvOffer;
import io.dejavu.kv.stream.KvOutcome;
import io.dejavu.kv.stream.KvSender;
import io.dejavu.kv.stream.KvStreamConfig;
import io.dejavu.kv.stream.KvStreamListener;
import io.dejavu.tensor.DType;
import io.dejavu.tensor.HostDevice;
import io.dejavu.transport.Deadline;
import java.io.IOException;
import java.util.Arrays;

/// Throughput of large slices as requests get it: posted to a {@link KvSender}, cut into pieces,
/// checked, sent over one connection or several, received to where they belong in another process,
/// checked again and acknowledged. The clock runs until the sender knows that all is there.
final class SliceBench {
  /// A slice of 16 MiB: 4096 tokens of one layer with 8 kv heads of size 128 in BF16.
  static final KvLayout LAYOUT =
      new KvLayout(
          new LayerRange(0, 16), 256, HeadRange.all(8), KvLayout.BLOCK_TOKENS, 128, DType.BF16);

  private static final int TOKENS = LAYOUT.blocks() * LAYOUT.blockTokens();
  private static final BenchSequences SEQUENCES = new BenchSequences(LAYOUT, 1);

  /// How slices are sent.
  ///
  /// @param connections lanes that carry pieces in turn
  record How(int connections, boolean checksums) {}

  private final int rounds;

  /// @param rounds of which the median counts
  SliceBench(int rounds) {
    this.rounds = rounds;
  }

  /// Measures.
  ///
  /// @param medium `shm`, `unix` or `tcp`
  /// @return bytes per second, median
  double measure(String medium, How how) throws IOException {
    var config = KvStreamConfig.DEFAULT.withChecksums(how.checksums);
    try (var memory = KvMemory.open(new HostDevice(), LAYOUT);
        var peer = KvPeer.start(medium, SEQUENCES, how.checksums, null);
        var sender =
            KvSender.open(
                peer.connect("slices", how.connections), config, new KvStreamListener() {})) {
      var speeds = new double[rounds];
      for (int round = -1; round < rounds; round++) { // the first one warms up
        long request = round + 2L;
        HostDevice.segment(memory.cache(0).buffer()).fill((byte) request);
        long begin = System.nanoTime();
        send(sender, memory, request);
        double seconds = (System.nanoTime() - begin) / 1e9;
        if (!Arrays.equals(peer.digests(TOKENS), SEQUENCES.digests(memory, TOKENS))) {
          throw new IOException("the peer has other keys and values than were sent");
        }
        if (round >= 0) {
          speeds[round] = LAYOUT.bytes() / seconds;
        }
      }
      Arrays.sort(speeds);
      return speeds[rounds / 2];
    }
  }

  private static void send(KvSender sender, KvMemory memory, long request) throws IOException {
    var stream = sender.offer(KvOffer.all(request, 1, LAYOUT, TOKENS), memory);
    stream.blocks(SEQUENCES.table(0));
    for (int layer = 0; layer < LAYOUT.layers().count(); layer++) {
      stream.send(new LayerRange(layer, layer + 1), new TokenRange(0, TOKENS));
      sender.flush();
    }
    stream.finish(TOKENS);
    try {
      var outcome = stream.await(Deadline.in(KvPeer.PATIENCE));
      if (!(outcome instanceof KvOutcome.Done)) {
        throw new IOException("%s: %s".formatted(stream, outcome));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }
}
