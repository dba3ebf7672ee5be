package io.dejavu.kv.stream;

import static org.assertj.core.api.Assertions.assertThat;

import io.dejavu.kv.HeadRange;
import io.dejavu.kv.KvLayout;
import io.dejavu.kv.KvMemory;
import io.dejavu.kv.LayerRange;
import io.dejavu.kv.TokenRange;
import io.dejavu.tensor.DType;
import io.dejavu.tensor.HostDevice;
import io.dejavu.transport.Connection;
import io.dejavu.transport.Deadline;
import io.dejavu.transport.InProcess;
import java.time.Duration;
import java.util.AbstractList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// Ends, losses and closes of streams that come at the worst moment: what one side has heard, the
/// other hears as well, and who has closed hears nothing any more. Gates make the moments.
@Timeout(60)
class StreamEndsTest extends OpeningTest {
  private static final KvLayout LAYOUT =
      new KvLayout(new LayerRange(0, 2), 8, HeadRange.all(1), 16, 8, DType.F32);

  /// So long that nothing happens because of a clock.
  private static final KvStreamConfig PATIENT =
      KvStreamConfig.DEFAULT.withLease(Duration.ofHours(1)).withPatience(Duration.ofSeconds(30));

  private final KvMemory memory = use(KvMemory.open(new HostDevice(), LAYOUT));

  private static Deadline soon() {
    return Deadline.in(Duration.ofSeconds(30));
  }

  private static KvOffer offer(long request) {
    return KvOffer.all(request, 1, LAYOUT, 64);
  }

  /// Grants everything; the test says what happens when it hears something.
  private static final class Granting implements KvLanding {
    final KvMemory memory;
    final Map<Integer, KvOutcome> ends = new ConcurrentHashMap<>();
    final Map<Integer, KvArrival> arrivals = new ConcurrentHashMap<>();
    volatile Consumer<KvArrival> atEnd = _ -> {};

    Granting(KvMemory memory) {
      this.memory = memory;
    }

    @Override
    public void offered(KvArrival arrival) {
      int request = (int) arrival.offer().request();
      arrivals.put(request, arrival);
      arrival.grant(memory, new int[] {4 * request - 4, 4 * request - 3});
    }

    @Override
    public void ended(KvArrival arrival, KvOutcome outcome) {
      atEnd.accept(arrival);
      ends.put((int) arrival.offer().request(), outcome);
    }
  }

  /// One frame finishes two streams. While the landing hears of the first one, the receiver closes.
  @Test
  void aReceiverThatClosesTellsBothSidesTheSame() throws Exception {
    var pair = use(InProcess.pair());
    var landing = new Granting(memory);
    var receiver = use(KvReceiver.open(List.of(pair.right()), PATIENT, new KvEpochs(9), landing));
    var peer = new LaneEnd(pair.left());
    var hears = new CountDownLatch(1);
    var closed = new CountDownLatch(1);
    landing.atEnd =
        _ -> {
          hears.countDown();
          WatchedConnection.await(closed);
        };
    peer.say(new KvMessage.Offer(1, offer(1)), new KvMessage.Offer(2, offer(2)));
    peer.await(new KvMessage.Granted(2, 1, 32));

    peer.say(new KvMessage.Finish(1, 1, 0), new KvMessage.Finish(2, 1, 0));
    WatchedConnection.await(hears);
    var closing = Thread.ofPlatform().start(receiver::close);
    var said = peer.rest();
    closed.countDown();
    closing.join();

    assertThat(said).contains(new KvMessage.Ended(1, 1, KvMessage.End.DONE, 0, ""));
    assertThat(landing.ends).containsEntry(1, new KvOutcome.Done(0));
    boolean isSaid = said.contains(new KvMessage.Ended(2, 1, KvMessage.End.DONE, 0, ""));
    assertThat(landing.ends.get(2) instanceof KvOutcome.Done).isEqualTo(isSaid);
  }

  /// Another thread is telling the landing of an end while the receiver closes.
  @Test
  void whenAReceiverIsClosedItsLandingHasHeardAll() throws Exception {
    var pair = use(InProcess.pair());
    var landing = new Granting(memory);
    var receiver = use(KvReceiver.open(List.of(pair.right()), PATIENT, new KvEpochs(9), landing));
    var peer = new LaneEnd(pair.left());
    peer.say(new KvMessage.Offer(1, offer(1)), new KvMessage.Offer(2, offer(2)));
    peer.await(new KvMessage.Granted(2, 1, 32));
    var hears = new CountDownLatch(1);
    var isClosing = new CountDownLatch(1);
    landing.atEnd =
        _ -> {
          hears.countDown();
          WatchedConnection.await(isClosing);
          rest(); // else it would be heard just in time now and then
        };

    var cancelling = Thread.ofPlatform().start(() -> landing.arrivals.get(1).cancel("unwanted"));
    WatchedConnection.await(hears);
    var closing = Thread.ofPlatform().start(receiver::close);
    peer.rest();
    isClosing.countDown();
    closing.join();

    assertThat(landing.ends).containsOnlyKeys(1, 2);
    cancelling.join();
  }

  private static void rest() {
    try {
      Thread.sleep(50);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  /// A landing need not be thread-safe.
  @Test
  void aLandingHearsOneThingAtATime() throws Exception {
    var overlap = new CountDownLatch(1);
    var landing =
        new KvLanding() {
          volatile boolean isBusy;
          final AtomicInteger ticks = new AtomicInteger();

          @Override
          public void offered(KvArrival arrival) {
            isBusy = true;
            try {
              var _ = overlap.await(200, TimeUnit.MILLISECONDS);
            } catch (InterruptedException e) {
              throw new IllegalStateException(e);
            }
            isBusy = false;
          }

          @Override
          public void ended(KvArrival arrival, KvOutcome outcome) {}

          @Override
          public void tick() {
            ticks.incrementAndGet();
            if (isBusy) {
              overlap.countDown();
            }
          }
        };
    var pair = use(InProcess.pair());
    var config = PATIENT.withLease(Duration.ofMillis(40));
    use(KvReceiver.open(List.of(pair.right()), config, new KvEpochs(9), landing));

    new LaneEnd(pair.left()).say(new KvMessage.Offer(1, offer(1)));
    while (landing.ticks.get() == 0) {
      Thread.sleep(1);
    }

    assertThat(overlap.await(250, TimeUnit.MILLISECONDS)).as("ticks meanwhile").isFalse();
  }

  /// Connections of which the first is lost before anybody asks for the second.
  private static List<Connection> firstIsLost(
      Connection lost, CountDownLatch isLost, Connection good) {
    lost.close();
    return new AbstractList<>() {
      @Override
      public Connection get(int index) {
        try {
          var _ = index > 0 && isLost.await(200, TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
          throw new IllegalStateException(e);
        }
        return index == 0 ? lost : good;
      }

      @Override
      public int size() {
        return 2;
      }
    };
  }

  @Test
  void aConnectionThatIsLostAtOnceCostsTheOthersNothing() throws Exception {
    var dead = use(InProcess.pair());
    var pair = use(InProcess.pair());
    var isLost = new CountDownLatch(2);
    var landing =
        new KvLanding() {
          @Override
          public void offered(KvArrival arrival) {
            arrival.refuse("no room");
          }

          @Override
          public void ended(KvArrival arrival, KvOutcome outcome) {}

          @Override
          public void lost(String peer, String why) {
            isLost.countDown();
            isLost.countDown();
          }
        };
    use(
        KvReceiver.open(
            firstIsLost(dead.right(), isLost, pair.right()), PATIENT, new KvEpochs(9), landing));
    var listener =
        new KvStreamListener() {
          @Override
          public void lost(String peer, String why) {
            isLost.countDown();
            isLost.countDown();
          }
        };
    var sender =
        use(KvSender.open(firstIsLost(dead.left(), isLost, pair.left()), PATIENT, listener));

    assertThat(sender.offer(offer(1), memory).await(soon()))
        .isEqualTo(new KvOutcome.Refused("no room"));
  }

  /// One lane was lost while its thread is still sending, and does not notice.
  @Test
  void whenASenderIsClosedNothingReadsItsStreams() throws Exception {
    var slow = new WatchedConnection(use(InProcess.pair()).left());
    var pair = use(InProcess.pair());
    var other = new WatchedConnection(pair.left());
    var sender = use(KvSender.open(List.of(slow), PATIENT, KvStreamListener.NONE));
    slow.sends = new CountDownLatch(1);
    var stream = sender.offer(offer(1), memory);
    WatchedConnection.await(slow.sending);
    sender.add(other);
    slow.close();
    var peer = new LaneEnd(pair.right());
    peer.await(new KvMessage.Offer(1, offer(1))); // since the first lane is lost
    peer.say(new KvMessage.Granted(1, 1, 64), new KvMessage.Ack(1));
    other.sends = new CountDownLatch(1);
    stream.blocks(new int[] {0, 1, 2, 3});
    stream.send(new TokenRange(0, 16));
    sender.flush();
    WatchedConnection.await(other.sending); // its memory is read now
    var third = use(InProcess.pair());
    sender.add(third.left());
    peer.close();
    new LaneEnd(third.right()).await(new KvMessage.Renew(1, 1)); // since that is lost, too
    slow.sends.countDown();

    var opening =
        Thread.ofPlatform()
            .start(
                () -> {
                  new LaneEnd(third.right()).rest();
                  rest();
                  other.sends.countDown();
                });
    sender.close();

    assertThat(stream.outcome()).isNotNull();
    opening.join();
  }

  /// The peer says that a stream is done and goes; sending fails before anybody has read that.
  @Test
  void whatAPeerSaidBeforeItsEndIsHeardThoughSendingFails() throws Exception {
    var pair = use(InProcess.pair());
    var connection = new WatchedConnection(pair.left());
    var hears = new CountDownLatch(1);
    var goesOn = new CountDownLatch(1);
    var listener =
        new KvStreamListener() {
          @Override
          public void granted(KvStream stream, int room) {
            hears.countDown();
            WatchedConnection.await(goesOn);
          }
        };
    var sender = use(KvSender.open(List.of(connection), PATIENT, listener));
    var peer = new LaneEnd(pair.right());
    var stream = sender.offer(offer(1), memory);
    peer.await(new KvMessage.Offer(1, offer(1)));
    stream.finish(0);
    peer.say(new KvMessage.Waiting(1, 1));
    peer.await(new KvMessage.Finish(1, 1, 0));

    peer.say(new KvMessage.Granted(1, 1, 64));
    WatchedConnection.await(hears);
    peer.say(new KvMessage.Ended(1, 1, KvMessage.End.DONE, 0, ""));
    peer.close();
    sender.offer(offer(2), memory);
    WatchedConnection.await(connection.sendFailed);
    goesOn.countDown();

    assertThat(stream.await(soon())).isEqualTo(new KvOutcome.Done(0));
  }

  /// The sender says that a stream is done and is killed; answering fails before that is read.
  @Test
  void whatASenderSentBeforeItsEndCountsThoughAnsweringFails() throws Exception {
    var pair = use(InProcess.pair());
    var connection = new WatchedConnection(pair.right());
    var landing = new Granting(memory);
    use(KvReceiver.open(List.of(connection), PATIENT, new KvEpochs(9), landing));
    var peer = new LaneEnd(pair.left());
    var hears = new CountDownLatch(1);
    var goesOn = new CountDownLatch(1);
    peer.say(new KvMessage.Offer(1, offer(1)), new KvMessage.Offer(2, offer(2)));
    peer.await(new KvMessage.Granted(2, 1, 32));
    landing.atEnd =
        _ -> {
          hears.countDown();
          WatchedConnection.await(goesOn);
        };

    peer.say(new KvMessage.Finish(1, 1, 0));
    WatchedConnection.await(hears);
    peer.say(new KvMessage.Finish(2, 1, 0));
    peer.close();
    landing.arrivals.get(2).grant(landing.memory, new int[] {4, 5, 6, 7}); // it is answered
    WatchedConnection.await(connection.sendFailed);
    goesOn.countDown();
    while (landing.ends.size() < 2) {
      Thread.sleep(1);
    }

    assertThat(landing.ends).containsEntry(2, new KvOutcome.Done(0));
  }

  /// One lane is stuck in the middle of an answer.
  @Test
  void whatALaneThatIsStuckCannotSayIsSaidOverAnother() throws Exception {
    var pair = use(InProcess.pair());
    var stuck = new WatchedConnection(pair.right());
    var other = use(InProcess.pair());
    var arrival = new CompletableFuture<KvArrival>();
    var landing =
        new KvLanding() {
          @Override
          public void offered(KvArrival offered) {
            arrival.complete(offered);
          }

          @Override
          public void ended(KvArrival ended, KvOutcome outcome) {}
        };
    use(KvReceiver.open(List.of(stuck, other.right()), PATIENT, new KvEpochs(9), landing));
    stuck.sends = new CountDownLatch(1);
    new LaneEnd(pair.left()).say(new KvMessage.Offer(1, offer(1)));
    WatchedConnection.await(stuck.sending);

    arrival.join().grant(memory, new int[] {0, 1, 2, 3});

    new LaneEnd(other.left()).await(new KvMessage.Granted(1, 1, 64));
    stuck.sends.countDown();
  }

  private static KvArrival awaitArrival(Granting landing, int request) throws Exception {
    while (!landing.arrivals.containsKey(request)) {
      Thread.sleep(1);
    }
    return landing.arrivals.get(request);
  }

  @Test
  void anAnswerThatFailsCostsItsConnectionAlone() throws Exception {
    var pair = use(InProcess.pair());
    var broken = new WatchedConnection(pair.right());
    var other = use(InProcess.pair());
    var landing = new Granting(memory);
    use(KvReceiver.open(List.of(broken, other.right()), PATIENT, new KvEpochs(9), landing));
    var peer = new LaneEnd(other.left());
    peer.say(new KvMessage.Offer(1, offer(1)));
    peer.await(new KvMessage.Waiting(1, 1));
    broken.bug = new IllegalStateException("on purpose");

    awaitArrival(landing, 1).grant(memory, new int[] {0, 1, 2, 3});

    new LaneEnd(pair.left()).rest(); // it is lost, and so the sender asks
    peer.say(new KvMessage.Renew(1, 1));
    peer.await(new KvMessage.Granted(1, 1, 64));
    landing.arrivals.get(1).cancel("and it is said");
    peer.await(new KvMessage.Ended(1, 1, KvMessage.End.CANCELLED, 0, "and it is said"));
  }

  /// The end of one stream may wait for more; then comes garbage.
  @Test
  void whatWasDecidedIsSaidBeforeGarbageEndsTheConnection() throws Exception {
    var pair = use(InProcess.pair());
    var landing = new Granting(memory);
    use(KvReceiver.open(List.of(pair.right()), PATIENT, new KvEpochs(9), landing));
    var peer = new LaneEnd(pair.left());
    peer.say(new KvMessage.Offer(1, offer(1)));
    peer.await(new KvMessage.Granted(1, 1, 32));

    peer.say(new KvMessage.Finish(1, 1, 0), new KvMessage.Ack(7)); // senders do not say that

    assertThat(peer.rest()).contains(new KvMessage.Ended(1, 1, KvMessage.End.DONE, 0, ""));
    assertThat(landing.ends).containsEntry(1, new KvOutcome.Done(0));
  }

  /// Who looks for more by itself is about to wait for its peer when something is posted.
  @Test
  void whatIsPostedWhileALaneBeginsToSendGoesOverAnother() throws Exception {
    var pair = use(InProcess.pair());
    var connection = new WatchedConnection(pair.left());
    var config = PATIENT.withPatience(Duration.ofHours(1));
    var sender = use(KvSender.open(List.of(connection), config, KvStreamListener.NONE));
    var peer = new LaneEnd(pair.right());
    var stream = sender.offer(offer(1), memory);
    stream.blocks(new int[] {0, 1, 2, 3});
    peer.await(new KvMessage.Offer(1, offer(1)));
    peer.say(new KvMessage.Granted(1, 1, 64), new KvMessage.Ack(1));
    var second = use(InProcess.pair());
    sender.add(second.left());
    rest(); // until it looks for nothing any more
    stream.send(new TokenRange(0, 1));
    sender.flush();
    assertThat(peer.receive()).anyMatch(KvMessage.Part.class::isInstance);

    connection.sends = new CountDownLatch(1);
    stream.send(new TokenRange(1, 2));
    sender.flush();
    WatchedConnection.await(connection.sending);
    stream.send(new TokenRange(2, 3));
    sender.flush();

    assertThat(new LaneEnd(second.right()).receive()).anyMatch(KvMessage.Part.class::isInstance);
    connection.sends.countDown();
    peer.close();
    second.close();
  }
}
