package io.dejavu.kv.stream;

import static org.assertj.core.api.Assertions.assertThat;

import io.dejavu.kv.KvMemory;
import io.dejavu.tensor.HostDevice;
import io.dejavu.testkit.FaultyLink;
import io.dejavu.testkit.FaultyLink.Fault;
import io.dejavu.testkit.FaultyLink.Way;
import io.dejavu.transport.Address;
import io.dejavu.transport.Connection;
import io.dejavu.transport.Deadline;
import io.dejavu.transport.Listener;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Peers that are killed or stopped in the middle of a piece, and links that cut, corrupt, lose,
/// stall and delay: every stream ends, nothing wrong is ever used, and all blocks are accounted
/// for.
class StreamFaultsTest {
  private static final Duration LONG = Duration.ofSeconds(60);

  private final List<AutoCloseable> open = new ArrayList<>();

  @TempDir Path folder;

  @AfterEach
  void close() throws Exception {
    for (var each : open.reversed()) {
      each.close();
    }
  }

  private <T extends AutoCloseable> T use(T opened) {
    open.add(opened);
    return opened;
  }

  // --- processes

  @ParameterizedTest
  @CsvSource({"tcp, KILL", "tcp, STOP", "shm, KILL", "shm, STOP"})
  void aReceiverThatIsGoneCostsItsStreamsOnly(String medium, String signal) throws Exception {
    var listener = use(StreamPeer.transport("parent").listen(address(medium)));
    var child = start(listener, "receive");
    var memory = use(KvMemory.open(new HostDevice(), StreamPeer.LAYOUT));
    var sender = use(KvSender.open(accept(listener, 2), StreamPeer.CONFIG, KvStreamListener.NONE));

    assertThat(StreamPeer.send(sender, memory, 0).await(Deadline.in(LONG)))
        .isEqualTo(new KvOutcome.Done(StreamPeer.TOKENS));
    long before = sender.sent().bytes();
    var streams = List.of(StreamPeer.send(sender, memory, 2), StreamPeer.send(sender, memory, 3));
    await(() -> sender.sent().bytes() > before + 100_000);
    signal(child, signal);
    var later = StreamPeer.send(sender, memory, 4);

    for (var stream : streams) {
      // What was on its way may just have arrived.
      assertThat(stream.await(Deadline.in(LONG)))
          .isInstanceOfAny(KvOutcome.PeerLost.class, KvOutcome.Done.class);
    }
    assertThat(later.await(Deadline.in(LONG))).isInstanceOf(KvOutcome.PeerLost.class);
    assertThat(sender.streams()).isZero();
  }

  @ParameterizedTest
  @CsvSource({"tcp, KILL", "tcp, STOP", "shm, KILL", "shm, STOP"})
  void aSenderThatIsGoneLeavesNothingWrongAndNoBlockBehind(String medium, String signal)
      throws Exception {
    var checked = new Checked();
    var listener = use(StreamPeer.transport("parent").listen(address(medium)));
    var child = start(listener, "send");
    var receiver =
        use(
            KvReceiver.open(
                accept(listener, 2), StreamPeer.CONFIG, new KvEpochs(1000), checked.shelf));

    await(() -> checked.whole.get() >= 2);
    long before = receiver.received().bytes();
    await(() -> receiver.received().bytes() > before + 100_000);
    signal(child, signal);

    await(() -> receiver.streams() == 0);
    receiver.close();
    checked.check();
    assertThat(receiver.received().mismatches()).isZero();
  }

  private Address address(String medium) {
    return medium.equals("tcp")
        ? new Address.Tcp("127.0.0.1", 0)
        : new Address.SharedMemory(folder.resolve("shm"));
  }

  private Process start(Listener listener, String role) throws Exception {
    var child = StreamPeer.start(listener.address(), role, 2);
    use(
        () -> {
          child.destroyForcibly();
          child.waitFor(1, TimeUnit.MINUTES);
        });
    return child;
  }

  private List<Connection> accept(Listener listener, int lanes) throws IOException {
    var accepted = new ArrayList<Connection>();
    for (int i = 0; i < lanes; i++) {
      var connection = listener.accept(Deadline.in(LONG));
      assertThat(connection).isNotNull();
      accepted.add(use(connection));
    }
    return accepted;
  }

  private static void signal(Process child, String signal) throws Exception {
    var kill = new ProcessBuilder("kill", "-" + signal, Long.toString(child.pid())).start();
    assertThat(kill.waitFor()).isZero();
  }

  // --- links

  private enum Kind {
    CUT,
    FLIP,
    DROP,
    STALL,
    DELAY
  }

  @Test
  void whatABadLinkSpoilsComesOverTheGoodOne() throws Exception {
    concurrently(15, seed -> overLinks(seed, true));
  }

  @Test
  void aBadLinkAloneSpoilsNothingThatIsUsed() throws Exception {
    concurrently(15, seed -> overLinks(seed, false));
  }

  private interface Case {
    void run(long seed) throws Exception;
  }

  private static void concurrently(int seeds, Case each) throws Exception {
    try (var threads = Executors.newFixedThreadPool(5)) {
      var cases = new ArrayList<Callable<Void>>();
      for (long i = 0; i < seeds; i++) {
        long seed = i;
        cases.add(
            () -> {
              try {
                each.run(seed);
                return null;
              } catch (Exception | AssertionError e) {
                throw new AssertionError("seed " + seed, e);
              }
            });
      }
      for (var result : threads.invokeAll(cases)) {
        result.get();
      }
    }
  }

  private void overLinks(long seed, boolean isOneGood) throws Exception {
    var random = new SplittableRandom(seed);
    var checked = new Checked();
    try (var listener = StreamPeer.transport("receiver").listen(new Address.Tcp("127.0.0.1", 0));
        var link = FaultyLink.before((Address.Tcp) listener.address());
        var memory = KvMemory.open(new HostDevice(), StreamPeer.LAYOUT)) {
      var ours = new ArrayList<Connection>();
      var theirs = new ArrayList<Connection>();
      connect(link.address(), listener, ours, theirs);
      if (isOneGood) {
        connect(listener.address(), listener, ours, theirs);
      }
      try (var receiver =
              KvReceiver.open(theirs, StreamPeer.CONFIG, new KvEpochs(1000), checked.shelf);
          var sender = KvSender.open(ours, StreamPeer.CONFIG, KvStreamListener.NONE)) {
        link.set(
            random.nextInt(3) == 0 ? Way.FROM_LISTENER : Way.TO_LISTENER,
            fault(Kind.values()[(int) seed % 5], random));
        var streams = new ArrayList<KvStream>();
        for (int request = 0; request < 2; request++) {
          streams.add(StreamPeer.send(sender, memory, request));
        }
        for (var stream : streams) {
          var outcome = stream.await(Deadline.in(LONG));
          assertThat(outcome).isNotNull();
          if (isOneGood) {
            assertThat(outcome).isEqualTo(new KvOutcome.Done(StreamPeer.TOKENS));
          }
        }
        await(() -> receiver.streams() == 0);
        if (isOneGood) {
          assertThat(checked.whole.get()).isEqualTo(2);
        }
      }
      checked.check();
    }
  }

  private static Fault fault(Kind kind, SplittableRandom random) {
    long after = random.nextInt(3) == 0 ? random.nextInt(200) : random.nextInt(400_000);
    return switch (kind) {
      case CUT -> new Fault.Cut(after);
      case FLIP -> new Fault.FlipBit(after);
      case DROP -> new Fault.Drop(after, 1 + random.nextInt(2000));
      case STALL -> new Fault.Stall(after);
      case DELAY -> new Fault.Delay(Duration.ofMillis(1 + random.nextInt(20)));
    };
  }

  private static void connect(
      Address address, Listener listener, List<Connection> ours, List<Connection> theirs)
      throws IOException {
    ours.add(StreamPeer.transport("sender").connect(address, Deadline.in(LONG)));
    var accepted = listener.accept(Deadline.in(LONG));
    assertThat(accepted).isNotNull();
    theirs.add(accepted);
  }

  /// A shelf whose requests are compared with what they should be, and taken off.
  private static final class Checked {
    final AtomicInteger whole = new AtomicInteger();
    final ConcurrentLinkedQueue<String> wrong = new ConcurrentLinkedQueue<>();
    final KvShelf shelf = StreamPeer.shelf(true, this::compare);

    private void compare(KvShelf shelf, KvShelf.Kept kept) {
      int request = (int) kept.request();
      try (var right = KvMemory.open(new HostDevice(), StreamPeer.LAYOUT)) {
        StreamPeer.write(right, StreamPeer.blocks(request), request);
        if (!Arrays.equals(
            bytes(right, StreamPeer.blocks(request), kept.tokens()),
            bytes(shelf.memory(), kept.blocks(), kept.tokens()))) {
          wrong.add("%d tokens of request %d".formatted(kept.tokens(), request));
        }
      }
      if (kept.tokens() == StreamPeer.TOKENS) {
        whole.incrementAndGet();
      }
      shelf.drop(request);
    }

    private static byte[] bytes(KvMemory memory, int[] blocks, int tokens) {
      var regions = StreamPeer.regions(memory, blocks, tokens);
      var bytes = new byte[(int) regions.bytes()];
      memory.gather(regions, MemorySegment.ofArray(bytes));
      return bytes;
    }

    void check() {
      assertThat(wrong).isEmpty();
      assertThat(shelf.requests()).isZero();
      assertThat(shelf.freeBlocks()).isEqualTo(shelf.memory().layout().blocks());
      shelf.memory().close();
    }
  }

  private static void await(BooleanSupplier condition) throws InterruptedException {
    var deadline = Deadline.in(LONG);
    while (!condition.getAsBoolean()) {
      assertThat(deadline.hasPassed()).as("nothing happens").isFalse();
      Thread.sleep(1);
    }
  }
}
