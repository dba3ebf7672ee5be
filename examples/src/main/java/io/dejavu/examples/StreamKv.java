package io.dejavu.examples;

import io.dejavu.kv.HeadRange;
import io.dejavu.kv.KvLayout;
import io.dejavu.kv.KvMemory;
import io.dejavu.kv.LayerRange;
import io.dejavu.kv.TokenRange;
import io.dejavu.kv.stream.KvEpochs;
import io.dejavu.kv.stream.KvOffer;
import io.dejavu.kv.stream.KvReceiver;
import io.dejavu.kv.stream.KvSender;
import io.dejavu.kv.stream.KvShelf;
import io.dejavu.kv.stream.KvStreamConfig;
import io.dejavu.kv.stream.KvStreamListener;
import io.dejavu.tensor.DType;
import io.dejavu.tensor.HostDevice;
import io.dejavu.transport.Address;
import io.dejavu.transport.Deadline;
import io.dejavu.transport.Identity;
import io.dejavu.transport.Listener;
import io.dejavu.transport.SharedSecret;
import io.dejavu.transport.Transport;
import io.dejavu.transport.TransportConfig;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;

/// Streams a sequence's keys and values from one worker's memory to another's, by the modules `kv`
/// and `transport` alone, without a model or a server. Both workers are threads here; as processes
/// or on two machines they would do the same.
final class StreamKv {
  private static final SharedSecret SECRET = SharedSecret.of("at least 16 bytes that both know");
  private static final KvLayout LAYOUT =
      new KvLayout(new LayerRange(0, 4), 64, HeadRange.all(2), 16, 64, DType.BF16);
  private static final int PROMPT = 500;
  private static final int TOKENS = 100;

  private StreamKv() {}

  static void main(String[] args) throws Exception {
    var transport = new Transport(Identity.of("replica"), SECRET, TransportConfig.DEFAULT);
    try (var listener = transport.listen(Address.parse("tcp://127.0.0.1:0"))) {
      var replica = CompletableFuture.supplyAsync(() -> receive(listener));
      send(listener.address());
      var kept = replica.get(10, TimeUnit.SECONDS);
      IO.println(
          "request %d: %d tokens in %d blocks"
              .formatted(kept.request(), kept.tokens(), kept.blocks().length));
    }
  }

  /// One worker: owns a memory, and keeps there what arrives.
  private static KvShelf.Kept receive(Listener listener) {
    var whole = new CompletableFuture<KvShelf.Kept>();
    try (var memory = KvMemory.open(new HostDevice(), LAYOUT)) {
      var shelf = new KvShelf(memory, true, Duration.ofSeconds(10), whole::complete);
      var connection = Objects.requireNonNull(listener.accept(soon()), "nobody comes");
      try (var _ =
          KvReceiver.open(List.of(connection), KvStreamConfig.DEFAULT, new KvEpochs(1000), shelf)) {
        return whole.get(10, TimeUnit.SECONDS);
      }
    } catch (Exception e) {
      throw new IllegalStateException("nothing was received", e);
    }
  }

  /// The other worker: computes a prompt layer by layer, then token by token.
  private static void send(Address replica) throws Exception {
    var transport = new Transport(Identity.of("worker"), SECRET, TransportConfig.DEFAULT);
    try (var memory = KvMemory.open(new HostDevice(), LAYOUT);
        var sender =
            KvSender.open(
                List.of(transport.connect(replica, soon())),
                KvStreamConfig.DEFAULT,
                KvStreamListener.NONE)) {
      var stream = sender.offer(KvOffer.all(1234, 1, LAYOUT, PROMPT + TOKENS), memory);
      // Where the sequence lies, as its owner decided; the replica has it somewhere else.
      stream.blocks(IntStream.rangeClosed(1, 38).map(i -> 64 - i).toArray());
      for (int layer = 0; layer < 4; layer++) {
        // … a layer's keys and values of the prompt are written into the memory, then:
        stream.send(new LayerRange(layer, layer + 1), new TokenRange(0, PROMPT));
        sender.flush();
      }
      stream.commit(PROMPT);
      for (int token = PROMPT; token < PROMPT + TOKENS; token++) {
        // … all layers' of the next token, then once per step, for all streams:
        stream.send(new TokenRange(token, token + 1));
        stream.commit(token + 1);
        sender.flush();
      }
      stream.finish(PROMPT + TOKENS);
      IO.println("the replica has it: " + stream.await(soon()));
    }
  }

  private static Deadline soon() {
    return Deadline.in(Duration.ofSeconds(10));
  }
}
