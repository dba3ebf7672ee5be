package io.dejavu.kv.stream;

import static org.assertj.core.api.Assertions.assertThat;

import io.dejavu.kv.HeadRange;
import io.dejavu.kv.KvLayout;
import io.dejavu.kv.KvMemory;
import io.dejavu.kv.LayerRange;
import io.dejavu.kv.TokenRange;
import io.dejavu.tensor.DType;
import io.dejavu.tensor.HostDevice;
import io.dejavu.transport.Deadline;
import io.dejavu.transport.InProcess;
import java.time.Duration;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/// What a shelf keeps, whose turn it is, and what becomes of requests of which a part is missing.
class KvShelfTest {
  private static final Duration LONG = Duration.ofMinutes(1);
  private static final Deadline SOON = Deadline.in(LONG);

  private final Queue<KvShelf.Kept> wholes = new ConcurrentLinkedQueue<>();
  private final Queue<KvShelf.Kept> orphans = new ConcurrentLinkedQueue<>();
  private final KvShelf.Listener listener =
      new KvShelf.Listener() {
        @Override
        public void whole(KvShelf.Kept request) {
          wholes.add(request);
        }

        @Override
        public void orphaned(KvShelf.Kept request) {
          orphans.add(request);
        }
      };

  @Test
  void aShelfServesInTurnAndKeepsWhatALostSenderCommitted() throws Exception {
    var layout = new KvLayout(new LayerRange(0, 2), 4, HeadRange.all(1), 8, 4, DType.F32);
    try (var memory = KvMemory.open(new HostDevice(), layout);
        var target = KvMemory.open(new HostDevice(), layout);
        var pair = InProcess.pair()) {
      var shelf = new KvShelf(target, true, LONG, listener);
      var receiver =
          KvReceiver.open(List.of(pair.right()), KvStreamConfig.DEFAULT, new KvEpochs(10), shelf);
      var sender =
          KvSender.open(List.of(pair.left()), KvStreamConfig.DEFAULT, KvStreamListener.NONE);
      var first = stream(sender, memory, 1, 24);
      var second = stream(sender, memory, 2, 16);
      var tooLong = stream(sender, memory, 3, 33);
      assertThat(tooLong.await(SOON)).isInstanceOf(KvOutcome.Refused.class);

      first.finish(24);
      assertThat(first.await(SOON)).isEqualTo(new KvOutcome.Done(24));
      assertThat(second.committed()).isZero();
      shelf.drop(1);
      second.commit(16);
      sender.flush();
      await(() -> second.committed() == 16);
      pair.left().close();
      await(() -> !orphans.isEmpty());
      sender.close();
      receiver.close();

      assertThat(wholes).extracting(KvShelf.Kept::request).containsExactly(1L);
      assertThat(orphans).extracting(KvShelf.Kept::tokens).containsExactly(16);
      assertThat(shelf.freeBlocks()).isEqualTo(2);
      shelf.drop(2);
      assertThat(shelf.freeBlocks()).isEqualTo(4);
    }
  }

  @Test
  void whatIsSentAgainTakesThePlaceOfWhatWasThere() throws Exception {
    var layout = new KvLayout(new LayerRange(0, 2), 4, HeadRange.all(1), 8, 4, DType.F32);
    try (var memory = KvMemory.open(new HostDevice(), layout);
        var target = KvMemory.open(new HostDevice(), layout);
        var pair = InProcess.pair()) {
      var shelf = new KvShelf(target, false, LONG, listener);
      try (var receiver =
              KvReceiver.open(
                  List.of(pair.right()), KvStreamConfig.DEFAULT, new KvEpochs(10), shelf);
          var sender =
              KvSender.open(List.of(pair.left()), KvStreamConfig.DEFAULT, KvStreamListener.NONE)) {
        for (int again = 0; again < 3; again++) {
          var stream = stream(sender, memory, 1, 24);
          stream.finish(24);
          assertThat(stream.await(SOON)).isEqualTo(new KvOutcome.Done(24));
          await(() -> receiver.streams() == 0);
        }
      }

      assertThat(wholes).extracting(KvShelf.Kept::tokens).containsExactly(24, 24, 24);
      assertThat(shelf.freeBlocks()).isEqualTo(1);
      shelf.drop(1);
      assertThat(shelf.freeBlocks()).isEqualTo(4);
    }
  }

  private static KvStream stream(KvSender sender, KvMemory memory, long request, int tokens) {
    var stream = sender.offer(KvOffer.all(request, 1, memory.layout(), tokens), memory);
    int blocks = Math.min(4, KvLayout.blocksFor(tokens, 8));
    stream.blocks(IntStream.range(0, blocks).toArray());
    stream.send(new TokenRange(0, Math.min(tokens, 32)));
    sender.flush();
    return stream;
  }

  /// One stage is done, the other one's worker died before it offered anything.
  @Test
  void whatStaysIncompleteMakesRoom() throws Exception {
    var layout = new KvLayout(new LayerRange(0, 2), 4, HeadRange.all(1), 8, 4, DType.F32);
    try (var memory = KvMemory.open(new HostDevice(), layout);
        var target = KvMemory.open(new HostDevice(), layout);
        var pair = InProcess.pair()) {
      var shelf = new KvShelf(target, false, Duration.ofMillis(20), listener);
      var config = KvStreamConfig.DEFAULT.withLease(Duration.ofMillis(400));
      try (var receiver = KvReceiver.open(List.of(pair.right()), config, new KvEpochs(10), shelf);
          var sender = KvSender.open(List.of(pair.left()), config, KvStreamListener.NONE)) {
        assertThat(receiver.peer()).isEqualTo("left");
        var part = part(sender, memory, 1, new LayerRange(0, 1));
        part.finish(32);
        assertThat(part.await(SOON)).isEqualTo(new KvOutcome.Done(32));

        var next = stream(sender, memory, 2, 32);
        next.finish(32);

        assertThat(next.await(SOON)).isEqualTo(new KvOutcome.Done(32));
        await(() -> !wholes.isEmpty());
      }
      assertThat(wholes).extracting(KvShelf.Kept::request).containsExactly(2L);
      assertThat(shelf.find(1)).isNull();
    }
  }

  /// Nothing arrives any more, so nobody looks at the clock but who asks.
  @Test
  void whatStaysIncompleteMakesRoomThoughNobodySendsAnyMore() throws Exception {
    var layout = new KvLayout(new LayerRange(0, 2), 4, HeadRange.all(1), 8, 4, DType.F32);
    try (var memory = KvMemory.open(new HostDevice(), layout);
        var target = KvMemory.open(new HostDevice(), layout);
        var pair = InProcess.pair()) {
      var shelf = new KvShelf(target, false, Duration.ofMillis(20), listener);
      var config = KvStreamConfig.DEFAULT;
      var receiver = KvReceiver.open(List.of(pair.right()), config, new KvEpochs(10), shelf);
      var sender = KvSender.open(List.of(pair.left()), config, KvStreamListener.NONE);
      var part = part(sender, memory, 1, new LayerRange(0, 1));
      part.finish(32);
      assertThat(part.await(SOON)).isEqualTo(new KvOutcome.Done(32));
      sender.close();
      receiver.close();

      await(() -> shelf.freeBlocks() == 4);
      assertThat(shelf.requests()).isZero();
    }
  }

  @Test
  void aRequestBeginsAtItsFirstToken() throws Exception {
    var layout = new KvLayout(new LayerRange(0, 2), 4, HeadRange.all(1), 8, 4, DType.F32);
    try (var memory = KvMemory.open(new HostDevice(), layout);
        var target = KvMemory.open(new HostDevice(), layout);
        var pair = InProcess.pair()) {
      var shelf = new KvShelf(target, true, LONG, listener);
      var config = KvStreamConfig.DEFAULT;
      try (var _ = KvReceiver.open(List.of(pair.right()), config, new KvEpochs(10), shelf);
          var sender = KvSender.open(List.of(pair.left()), config, KvStreamListener.NONE)) {
        var stream = sender.offer(KvOffer.all(1, 1, layout, 32).from(8), memory);

        assertThat(stream.await(SOON))
            .isEqualTo(new KvOutcome.Refused("it begins at token 8, not at 0"));
      }
      assertThat(shelf.freeBlocks()).isEqualTo(4);
    }
  }

  @Test
  void theOrderInWhichPartsEndMakesNoDifference() throws Exception {
    var layout = new KvLayout(new LayerRange(0, 2), 4, HeadRange.all(1), 8, 4, DType.F32);
    for (boolean isLostFirst : new boolean[] {true, false}) {
      orphans.clear();
      try (var memory = KvMemory.open(new HostDevice(), layout);
          var target = KvMemory.open(new HostDevice(), layout);
          var one = InProcess.pair();
          var other = InProcess.pair()) {
        var shelf = new KvShelf(target, true, LONG, listener);
        var epochs = new KvEpochs(10);
        var config = KvStreamConfig.DEFAULT;
        var receivers =
            List.of(
                KvReceiver.open(List.of(one.right()), config, epochs, shelf),
                KvReceiver.open(List.of(other.right()), config, epochs, shelf));
        var lost = KvSender.open(List.of(one.left()), config, KvStreamListener.NONE);
        var done = KvSender.open(List.of(other.left()), config, KvStreamListener.NONE);
        var lostPart = part(lost, memory, 1, new LayerRange(0, 1));
        var donePart = part(done, memory, 1, new LayerRange(1, 2));
        lostPart.commit(16);
        donePart.commit(24);
        lost.flush();
        done.flush();
        await(() -> lostPart.committed() == 16 && donePart.committed() == 24);

        if (isLostFirst) {
          one.left().close();
          await(() -> receivers.getFirst().streams() == 0);
        }
        donePart.finish(32);
        assertThat(donePart.await(SOON)).isEqualTo(new KvOutcome.Done(32));
        await(() -> receivers.getLast().streams() == 0);
        one.left().close();

        await(() -> !orphans.isEmpty());
        assertThat(orphans).extracting(KvShelf.Kept::tokens).containsExactly(16);
        shelf.drop(1);
        assertThat(shelf.freeBlocks()).isEqualTo(4);
        lost.close();
        done.close();
        receivers.forEach(KvReceiver::close);
      }
    }
  }

  /// A landing of one's own may hand on to a shelf, and ask it what it has.
  @Test
  void nobodyIsCalledWhileTheShelfIsLocked() throws Exception {
    var layout = new KvLayout(new LayerRange(0, 2), 4, HeadRange.all(1), 8, 4, DType.F32);
    try (var memory = KvMemory.open(new HostDevice(), layout);
        var target = KvMemory.open(new HostDevice(), layout);
        var pair = InProcess.pair()) {
      var shelf = new KvShelf(target, true, LONG, listener);
      var free = new CompletableFuture<Integer>();
      var landing =
          new KvLanding() {
            @Override
            public void offered(KvArrival arrival) {
              shelf.offered(arrival);
            }

            @Override
            public void ended(KvArrival arrival, KvOutcome outcome) {
              shelf.ended(arrival, outcome);
              var asking = new CompletableFuture<Integer>();
              Thread.ofPlatform().start(() -> asking.complete(shelf.freeBlocks()));
              try {
                free.complete(asking.get(5, TimeUnit.SECONDS));
              } catch (InterruptedException | ExecutionException | TimeoutException e) {
                free.completeExceptionally(e);
              }
            }
          };
      var config = KvStreamConfig.DEFAULT;
      try (var _ = KvReceiver.open(List.of(pair.right()), config, new KvEpochs(10), landing);
          var sender = KvSender.open(List.of(pair.left()), config, KvStreamListener.NONE)) {
        var stream = stream(sender, memory, 1, 24);
        stream.commit(24);
        sender.flush();
        await(() -> stream.committed() == 24);

        shelf.drop(1);

        assertThat(free.get(30, TimeUnit.SECONDS)).isEqualTo(4);
      }
    }
  }

  private static KvStream part(KvSender sender, KvMemory memory, long request, LayerRange layers) {
    var layout = memory.layout();
    var offer =
        new KvOffer(request, 1, layers, layout.heads(), 4, layout.type(), 8, new TokenRange(0, 32));
    var stream = sender.offer(offer, memory);
    stream.blocks(new int[] {0, 1, 2, 3});
    stream.send(new TokenRange(0, 32));
    return stream;
  }

  private static void await(BooleanSupplier condition) throws InterruptedException {
    while (!condition.getAsBoolean()) {
      assertThat(SOON.hasPassed()).as("nothing happens").isFalse();
      Thread.sleep(1);
    }
  }
}
