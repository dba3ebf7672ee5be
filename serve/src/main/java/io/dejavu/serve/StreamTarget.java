package io.dejavu.serve;

import io.dejavu.kv.KvMemory;
import io.dejavu.kv.KvOffer;
import io.dejavu.kv.KvOutcome;
import io.dejavu.kv.KvSender;
import io.dejavu.kv.KvStream;
import io.dejavu.kv.KvStreamConfig;
import io.dejavu.kv.KvStreamListener;
import io.dejavu.kv.LayerRange;
import io.dejavu.kv.TokenRange;
import io.dejavu.serve.KvStreamBench.Mode;
import io.dejavu.transport.Deadline;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/// Streams to a peer by the library.
final class StreamTarget implements KvStreamBench.Target {
  private final KvPeer peer;
  private final KvMemory memory;
  private final KvSender sender;
  private final Thread owner = Thread.currentThread();
  private long request;
  private @Nullable KvStream stream;

  /// For the thread that computes.
  StreamTarget(KvPeer peer, KvMemory memory, boolean checksums) throws IOException {
    this.peer = peer;
    this.memory = memory;
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

  @Override
  public void begin(Mode mode, int[] blocks) {
    var layout = memory.layout();
    var next =
        sender.offer(
            KvOffer.all(++request, 1, layout, blocks.length * layout.blockTokens()), memory);
    next.blocks(blocks);
    stream = next;
  }

  private KvStream stream() {
    if (stream == null) {
      throw new IllegalStateException("nothing was begun");
    }
    return stream;
  }

  @Override
  public void send(LayerRange layers, TokenRange tokens) {
    stream().send(layers, tokens);
    if (layers.count() < memory.layout().layers().count()) {
      sender.flush(); // a layer of the prompt goes on its way; a step's end is followed by commit
    }
  }

  @Override
  public void commit(int tokens) {
    stream().commit(tokens);
    sender.flush();
  }

  @Override
  public void await(int tokens) throws IOException {
    var deadline = Deadline.in(KvPeer.PATIENCE);
    while (stream().committed() < tokens) {
      if (stream().outcome() != null || deadline.hasPassed()) {
        throw new IOException("%s: %s".formatted(stream(), stream().outcome()));
      }
      LockSupport.parkNanos(this, deadline.nanosLeft());
    }
  }

  @Override
  public void finish(int tokens) throws IOException {
    stream().finish(tokens);
    try {
      var outcome = stream().await(Deadline.in(KvPeer.PATIENCE));
      if (!(outcome instanceof KvOutcome.Done)) {
        throw new IOException("%s: %s".formatted(stream(), outcome));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }

  @Override
  public int digest(int tokens) throws IOException {
    return peer.digest(request);
  }

  @Override
  public void close() {
    sender.close();
  }
}
