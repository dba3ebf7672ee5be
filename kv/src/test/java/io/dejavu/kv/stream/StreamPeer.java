package io.dejavu.kv.stream;

import io.dejavu.kv.HeadRange;
import io.dejavu.kv.KvLayout;
import io.dejavu.kv.KvMemory;
import io.dejavu.kv.KvSlice;
import io.dejavu.kv.LayerRange;
import io.dejavu.kv.Regions;
import io.dejavu.kv.TokenRange;
import io.dejavu.tensor.DType;
import io.dejavu.tensor.HostDevice;
import io.dejavu.transport.Address;
import io.dejavu.transport.Connection;
import io.dejavu.transport.Deadline;
import io.dejavu.transport.Identity;
import io.dejavu.transport.SharedSecret;
import io.dejavu.transport.Transport;
import io.dejavu.transport.TransportConfig;
import java.io.File;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;

/// Another process that sends requests without end, or takes what comes, until it is killed.
final class StreamPeer {
  static final SharedSecret SECRET = SharedSecret.of("known to both of them");
  static final KvLayout LAYOUT =
      new KvLayout(new LayerRange(0, 4), 64, HeadRange.all(2), 16, 64, DType.F32);
  static final int TOKENS = 500;
  static final int BLOCKS = KvLayout.blocksFor(TOKENS, LAYOUT.blockTokens());

  /// Small pieces, so that there are many moments to be killed at, and little patience.
  static final KvStreamConfig CONFIG =
      KvStreamConfig.DEFAULT
          .withPieceBytes(16 << 10)
          .withLease(Duration.ofSeconds(2))
          .withPatience(Duration.ofSeconds(2));

  private StreamPeer() {}

  static Transport transport(String name) {
    return new Transport(Identity.of(name), SECRET, TransportConfig.DEFAULT);
  }

  /// @param role `send` or `receive`
  static Process start(Address address, String role, int lanes)
      throws IOException, URISyntaxException {
    var golden = Path.of(StreamPeer.class.getResource("/wire/kv-sender-v1.bin").toURI());
    var command = new ArrayList<String>();
    command.add(ProcessHandle.current().info().command().orElse("java"));
    command.addAll(List.of("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx128m", "-cp"));
    command.add(
        String.join(
            File.pathSeparator,
            golden.getParent().getParent().toString(),
            System.getProperty("jdk.module.path", ""),
            System.getProperty("java.class.path")));
    command.addAll(
        List.of(StreamPeer.class.getName(), address.toString(), role, Integer.toString(lanes)));
    return new ProcessBuilder(command).inheritIO().start();
  }

  public static void main(String... args) throws IOException, InterruptedException {
    var address = Address.parse(args[0]);
    var lanes = new ArrayList<Connection>();
    for (int i = 0; i < Integer.parseInt(args[2]); i++) {
      lanes.add(transport("child").connect(address, Deadline.in(Duration.ofSeconds(30))));
    }
    if (args[1].equals("send")) {
      sendAll(lanes);
    } else {
      receiveAll(lanes);
    }
  }

  private static void receiveAll(List<Connection> lanes) throws InterruptedException {
    var shelf = shelf(false, (shelved, kept) -> shelved.drop(kept.request()));
    var receiver = KvReceiver.open(lanes, CONFIG, new KvEpochs(1000), shelf);
    TimeUnit.MINUTES.sleep(2); // killed long before
    receiver.close();
  }

  private static void sendAll(List<Connection> lanes) throws InterruptedException {
    try (var memory = KvMemory.open(new HostDevice(), LAYOUT);
        var sender = KvSender.open(lanes, CONFIG, KvStreamListener.NONE)) {
      var streams = new ArrayDeque<KvStream>();
      for (int request = 0; sender.peer() != null; request++) {
        if (streams.size() == 2) {
          var outcome = streams.remove().await(Deadline.in(Duration.ofMinutes(2)));
          if (outcome instanceof KvOutcome.PeerLost) {
            return;
          }
        }
        streams.add(send(sender, memory, request));
      }
    }
  }

  /// Every other request lies in the other half of the memory.
  static KvStream send(KvSender sender, KvMemory memory, int request) {
    int[] blocks = blocks(request);
    write(memory, blocks, request);
    var stream = sender.offer(KvOffer.all(request, 1, LAYOUT, TOKENS), memory);
    stream.blocks(blocks);
    for (int layer = 0; layer < LAYOUT.layers().count(); layer++) {
      stream.send(new LayerRange(layer, layer + 1), new TokenRange(0, TOKENS - 100));
      sender.flush();
    }
    stream.commit(TOKENS - 100);
    for (int token = TOKENS - 100; token < TOKENS; token++) {
      stream.send(new TokenRange(token, token + 1));
      stream.commit(token + 1);
      sender.flush();
    }
    stream.finish(TOKENS);
    return stream;
  }

  static int[] blocks(int request) {
    return IntStream.range(0, BLOCKS).map(i -> request % 2 * BLOCKS + i).toArray();
  }

  /// What a request is follows from its number.
  static void write(KvMemory memory, int[] blocks, int request) {
    var regions = regions(memory, blocks, TOKENS);
    var bytes = new byte[(int) regions.bytes()];
    new SplittableRandom(request).nextBytes(bytes);
    memory.scatter(MemorySegment.ofArray(bytes), regions);
  }

  static Regions regions(KvMemory memory, int[] blocks, int tokens) {
    var slice = new KvSlice(LAYOUT.layers(), new TokenRange(0, tokens), LAYOUT.heads());
    return Regions.of(memory.layout(), blocks, slice, 16);
  }

  interface OnWhole {
    void whole(KvShelf shelf, KvShelf.Kept kept);
  }

  static KvShelf shelf(boolean keepsOrphans, OnWhole listener) {
    var shelves = new KvShelf[1];
    shelves[0] =
        new KvShelf(
            KvMemory.open(new HostDevice(), LAYOUT.withBlocks(80)),
            keepsOrphans,
            Duration.ofMinutes(1),
            new KvShelf.Listener() {
              @Override
              public void whole(KvShelf.Kept request) {
                listener.whole(shelves[0], request);
              }

              @Override
              public void orphaned(KvShelf.Kept request) {
                listener.whole(shelves[0], request);
              }
            });
    return shelves[0];
  }
}
