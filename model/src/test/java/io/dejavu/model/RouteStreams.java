package io.dejavu.model;

import static org.assertj.core.api.Assertions.assertThat;

import io.dejavu.kv.KvMemory;
import io.dejavu.kv.LayerRange;
import io.dejavu.kv.Resharding;
import io.dejavu.kv.TokenRange;
import io.dejavu.kv.stream.KvArrival;
import io.dejavu.kv.stream.KvEpochs;
import io.dejavu.kv.stream.KvLanding;
import io.dejavu.kv.stream.KvOffer;
import io.dejavu.kv.stream.KvOutcome;
import io.dejavu.kv.stream.KvReceiver;
import io.dejavu.kv.stream.KvSender;
import io.dejavu.kv.stream.KvStream;
import io.dejavu.kv.stream.KvStreamConfig;
import io.dejavu.kv.stream.KvStreamListener;
import io.dejavu.transport.Deadline;
import io.dejavu.transport.InProcess;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/// One sequence on its way from one side to another, for tests: a stream for every route, each over
/// a connection of its own, as between workers.
final class RouteStreams implements AutoCloseable {
  private static final Duration PATIENCE = Duration.ofMinutes(1);

  private final List<KvReceiver> receivers = new ArrayList<>();
  private final List<KvSender> senders = new ArrayList<>();
  private final List<KvStream> streams = new ArrayList<>();

  /// @param blocks of the sequence at the sending side
  /// @param targets its blocks at the receiving side
  /// @param tokens at most
  RouteStreams(CutModel from, int[] blocks, CutModel to, int[] targets, int tokens) {
    for (var route : Resharding.between(from.side(), to.side()).routes()) {
      var pair = InProcess.pair();
      var landing = new Grant(to.memory(route.toStage(), route.toShard()), targets);
      receivers.add(
          KvReceiver.open(
              List.of(pair.right()), KvStreamConfig.DEFAULT, new KvEpochs(10), landing));
      var sender =
          KvSender.open(List.of(pair.left()), KvStreamConfig.DEFAULT, KvStreamListener.NONE);
      senders.add(sender);
      var memory = from.memory(route.fromStage(), route.fromShard());
      var stream = sender.offer(KvOffer.all(1, 1, memory.layout(), tokens).to(route), memory);
      stream.blocks(blocks);
      streams.add(stream);
    }
  }

  /// Sends what a step has written, layer by layer, on every route.
  void move(TokenRange tokens) {
    for (var stream : streams) {
      var layers = stream.offer().layers();
      for (int layer = layers.start(); layer < layers.end(); layer++) {
        stream.send(new LayerRange(layer, layer + 1), tokens);
      }
      stream.commit(tokens.end());
    }
    senders.forEach(KvSender::flush);
  }

  /// Waits until all of it is there.
  void finish(int tokens) throws InterruptedException {
    streams.forEach(stream -> stream.finish(tokens));
    var deadline = Deadline.in(PATIENCE);
    for (var stream : streams) {
      assertThat(stream.await(deadline)).isEqualTo(new KvOutcome.Done(tokens));
    }
  }

  @Override
  public void close() {
    senders.forEach(KvSender::close);
    receivers.forEach(KvReceiver::close);
  }

  /// Lets everything come to blocks that it has.
  private record Grant(KvMemory memory, int[] blocks) implements KvLanding {
    @Override
    public void offered(KvArrival arrival) {
      arrival.grant(memory, blocks);
    }

    @Override
    public void ended(KvArrival arrival, KvOutcome outcome) {
      // The sender hears the same.
    }
  }
}
