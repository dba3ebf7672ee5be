package io.dejavu.kv.stream;

import static org.assertj.core.api.Assertions.assertThat;

import io.dejavu.kv.HeadRange;
import io.dejavu.kv.KvLayout;
import io.dejavu.kv.KvMemory;
import io.dejavu.kv.LayerRange;
import io.dejavu.kv.TokenRange;
import io.dejavu.tensor.DType;
import io.dejavu.tensor.HostDevice;
import io.dejavu.transport.Address;
import io.dejavu.transport.Connection;
import io.dejavu.transport.Deadline;
import io.dejavu.transport.Identity;
import io.dejavu.transport.InProcess;
import io.dejavu.transport.Listener;
import io.dejavu.transport.SharedSecret;
import io.dejavu.transport.Transport;
import io.dejavu.transport.TransportConfig;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// One side closes at any moment, by real threads, through rings and sockets: who has closed hears
/// nothing more, and what a receiver's landing has heard as done is done at the sender.
@Timeout(300)
class ClosingPropertyTest {
  private static final int SEEDS = Integer.getInteger("dejavu.closings", 100);
  private static final int STREAMS = 12;
  private static final SharedSecret SECRET = SharedSecret.of("not a secret at all");
  private static final KvLayout LAYOUT =
      new KvLayout(new LayerRange(0, 2), 32, HeadRange.all(1), 16, 8, DType.F32);

  @TempDir private Path folder;

  @Test
  void bothSidesAgreeAboutWhatIsDoneWheneverTheReceiverCloses() throws Exception {
    int done = 0;
    int lost = 0;
    var address = Address.parse("unix:" + folder.resolve("socket"));
    try (var memory = KvMemory.open(new HostDevice(), LAYOUT);
        var target = KvMemory.open(new HostDevice(), LAYOUT);
        var listener = transport("receiver").listen(address)) {
      for (int seed = 0; seed < SEEDS; seed++) {
        for (var outcome : round(seed, memory, target, listener)) {
          done += outcome instanceof KvOutcome.Done ? 1 : 0;
          lost += outcome instanceof KvOutcome.PeerLost ? 1 : 0;
        }
      }
    }
    assertThat(done).isGreaterThan(SEEDS / 10);
    assertThat(lost).isGreaterThan(SEEDS / 10);
  }

  private static Transport transport(String name) {
    return new Transport(Identity.of(name), SECRET, TransportConfig.DEFAULT);
  }

  private static final class Granting implements KvLanding {
    final KvMemory memory;
    final Map<Long, KvOutcome> ends = new ConcurrentHashMap<>();

    /// What it still is to hear before the receiver is closed.
    final CountDownLatch closes;

    volatile boolean isClosed;
    volatile boolean isLate;

    Granting(KvMemory memory, int calls) {
      this.memory = memory;
      closes = new CountDownLatch(calls);
    }

    @Override
    public void offered(KvArrival arrival) {
      closes.countDown();
      int first = 2 * (int) arrival.offer().request();
      arrival.grant(memory, new int[] {first, first + 1});
    }

    @Override
    public void committed(KvArrival arrival, int tokens) {
      closes.countDown();
    }

    @Override
    public void ended(KvArrival arrival, KvOutcome outcome) {
      closes.countDown();
      isLate |= isClosed;
      ends.put(arrival.offer().request(), outcome);
    }
  }

  private static List<KvOutcome> round(
      int seed, KvMemory memory, KvMemory target, Listener listener) throws Exception {
    var random = new SplittableRandom(seed);
    var left = new ArrayList<Connection>();
    var right = new ArrayList<Connection>();
    for (int lane = 0; lane < 1 + random.nextInt(2); lane++) {
      connect(random.nextBoolean(), listener, left, right);
    }
    // Each of the streams is offered, committed and ends, if nobody closes before.
    var landing = new Granting(target, random.nextInt(3 * STREAMS));
    var config = KvStreamConfig.DEFAULT.withPieceBytes(512 << random.nextInt(3));
    var receiver = KvReceiver.open(right, config, new KvEpochs(100), landing);
    var streams = new ArrayList<KvStream>();
    try (var sender = KvSender.open(left, config, KvStreamListener.NONE)) {
      long wait = random.nextInt(100_000);
      var closing =
          Thread.ofPlatform()
              .start(
                  () -> {
                    WatchedConnection.await(landing.closes);
                    LockSupport.parkNanos(wait);
                    receiver.close();
                    landing.isClosed = true;
                  });
      for (int request = 0; request < STREAMS; request++) {
        var stream = sender.offer(KvOffer.all(request, 1, LAYOUT, 32), memory);
        stream.blocks(new int[] {2 * request, 2 * request + 1});
        stream.send(new TokenRange(0, 32));
        stream.finish(32);
        streams.add(stream);
      }
      var outcomes = new ArrayList<KvOutcome>();
      for (var stream : streams) {
        outcomes.add(stream.await(Deadline.in(Duration.ofSeconds(30))));
      }
      closing.join();

      assertThat(landing.isLate).as("seed %d", seed).isFalse();
      for (int request = 0; request < streams.size(); request++) {
        var there = landing.ends.get((long) request);
        assertThat(there instanceof KvOutcome.Done)
            .as("seed %d, stream %d: %s, %s", seed, request, there, outcomes.get(request))
            .isEqualTo(outcomes.get(request) instanceof KvOutcome.Done);
      }
      return outcomes;
    }
  }

  private static void connect(
      boolean isSocket, Listener listener, List<Connection> left, List<Connection> right)
      throws IOException {
    if (isSocket) {
      var deadline = Deadline.in(Duration.ofSeconds(30));
      left.add(transport("sender").connect(listener.address(), deadline));
      right.add(Objects.requireNonNull(listener.accept(deadline)));
    } else {
      var pair = InProcess.pair(Identity.of("sender"), Identity.of("receiver"), 1 << 14);
      left.add(pair.left());
      right.add(pair.right());
    }
  }
}
