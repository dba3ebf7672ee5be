package io.dejavu.serve.bench.kv;

import io.dejavu.kv.KvMemory;
import io.dejavu.kv.LayerRange;
import io.dejavu.kv.stream.KvOffer;
import io.dejavu.kv.stream.KvOutcome;
import io.dejavu.kv.stream.KvSender;
import io.dejavu.kv.stream.KvStream;
import io.dejavu.kv.stream.KvStreamConfig;
import io.dejavu.kv.stream.KvStreamListener;
import io.dejavu.serve.bench.kv.BenchSequences.Part;
import io.dejavu.transport.Deadline;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;

/// Streams to a peer by the library: a stream for each sequence.
final class StreamTarget implements KvStreamBench.Target {
  private final KvPeer peer;
  private final KvMemory memory;
  private final BenchSequences sequences;
  private final KvSender sender;
  private final Thread owner = Thread.currentThread();
  private final List<KvStream> streams = new ArrayList<>();
  private final int[] sent;
  private long requests;

  /// For the thread that computes.
  StreamTarget(KvPeer peer, KvMemory memory, BenchSequences sequences, boolean checksums)
      throws IOException {
    this.peer = peer;
    this.memory = memory;
    this.sequences = sequences;
    this.sent = new int[sequences.count()];
    this.sender =
        KvSender.open(
            List.of(peer.connect("stream")),
            KvStreamConfig.DEFAULT.withChecksums(checksums),
            new KvStreamListener() {
              @Override
              public void committed(KvStream stream, int tokens) {
                LockSupport.unpark(owner);
              }

              @Override
              public void ended(KvStream stream, KvOutcome outcome) {
                LockSupport.unpark(owner);
              }
            });
  }

  /// The sequence of a request, as the peer finds it out.
  static int sequence(long request, BenchSequences sequences) {
    return (int) (request % sequences.count());
  }

  @Override
  public void begin() {
    var layout = memory.layout();
    streams.clear();
    for (int i = 0; i < sequences.count(); i++) {
      var table = sequences.table(i);
      int most = table.length * layout.blockTokens();
      var stream = sender.offer(KvOffer.all(requests + i, 1, layout, most), memory);
      stream.blocks(table);
      streams.add(stream);
    }
    requests += sequences.count();
  }

  @Override
  public void send(LayerRange layers, List<Part> parts) {
    boolean isLast = layers.end() == memory.layout().layers().end();
    for (var part : parts) {
      var stream = streams.get(part.sequence());
      stream.send(layers, part.tokens());
      if (isLast) {
        sent[part.sequence()] = part.tokens().end();
        stream.commit(part.tokens().end());
      }
    }
    sender.flush();
  }

  @Override
  public void await() throws IOException {
    var deadline = Deadline.in(KvPeer.PATIENCE);
    for (int i = 0; i < sent.length; i++) {
      var stream = streams.get(i);
      while (stream.committed() < sent[i]) {
        if (stream.outcome() != null || deadline.hasPassed()) {
          throw new IOException("%s: %s".formatted(stream, stream.outcome()));
        }
        LockSupport.parkNanos(this, deadline.nanosLeft());
      }
    }
  }

  @Override
  public void finish() throws IOException {
    for (int i = 0; i < sent.length; i++) {
      streams.get(i).finish(sent[i]);
    }
    var deadline = Deadline.in(KvPeer.PATIENCE);
    try {
      for (var stream : streams) {
        var outcome = stream.await(deadline);
        if (!(outcome instanceof KvOutcome.Done)) {
          throw new IOException("%s: %s".formatted(stream, outcome));
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }

  @Override
  public int[] digests(int tokens) throws IOException {
    return peer.digests(tokens);
  }

  @Override
  public void close() {
    sender.close();
  }
}
