package io.dejavu.serve;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.dejavu.kv.HeadRange;
import io.dejavu.kv.KvArrival;
import io.dejavu.kv.KvEpochs;
import io.dejavu.kv.KvLanding;
import io.dejavu.kv.KvLayout;
import io.dejavu.kv.KvMemory;
import io.dejavu.kv.KvOutcome;
import io.dejavu.kv.KvReceiver;
import io.dejavu.kv.KvSlice;
import io.dejavu.kv.KvStreamConfig;
import io.dejavu.kv.LayerRange;
import io.dejavu.kv.Regions;
import io.dejavu.tensor.DType;
import io.dejavu.tensor.HostDevice;
import io.dejavu.transport.Address;
import io.dejavu.transport.Connection;
import io.dejavu.transport.ConnectionLost;
import io.dejavu.transport.Deadline;
import io.dejavu.transport.Identity;
import io.dejavu.transport.Listener;
import io.dejavu.transport.SharedSecret;
import io.dejavu.transport.Transport;
import io.dejavu.transport.TransportConfig;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.Executor;
import java.util.concurrent.Executors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/// The receiving process of `bench kv stream`. Reads from its input a secret, an address, a layout
/// and whether there are checksums, a line each; writes the address, then a line per request that
/// is complete: its number, and the checksum of its keys and values. Ends with its input.
@Command(name = "peer", hidden = true, description = "The other process of bench kv stream.")
final class BenchKvPeerCommand implements Callable<Integer> {
  @Spec @Nullable CommandSpec spec;

  @Override
  public Integer call() throws IOException {
    LogLevel.set("WARN");
    if (spec == null) {
      throw new IllegalStateException("not run by the command line");
    }
    var out = spec.commandLine().getOut();
    var in = new BufferedReader(new InputStreamReader(System.in, UTF_8));
    var secret = SharedSecret.of(in.readLine());
    var address = Address.parse(in.readLine());
    var layout = layout(in.readLine().split(" "));
    var config = KvStreamConfig.DEFAULT.withChecksums(Boolean.parseBoolean(in.readLine()));
    var transport = new Transport(Identity.of("peer"), secret, TransportConfig.DEFAULT);
    try (var memory = KvMemory.open(new HostDevice(), layout);
        var digests = Executors.newSingleThreadExecutor();
        var listener = transport.listen(address)) {
      var shelf = new Shelf(memory, out, digests);
      Thread.ofPlatform().daemon().name("accept").start(() -> accept(listener, config, shelf));
      say(out, listener.address().toString());
      while (in.readLine() != null) {
        // Nobody says anything; the end of the input is the end.
      }
    }
    return ExitCode.DONE.code;
  }

  private static KvLayout layout(String[] words) {
    return new KvLayout(
        new LayerRange(0, Integer.parseInt(words[0])),
        Integer.parseInt(words[1]),
        HeadRange.all(Integer.parseInt(words[2])),
        Integer.parseInt(words[3]),
        Integer.parseInt(words[4]),
        DType.valueOf(words[5]));
  }

  private static synchronized void say(PrintWriter out, String line) {
    out.println(line);
    out.flush();
  }

  private static void accept(Listener listener, KvStreamConfig config, Shelf shelf) {
    var epochs = new KvEpochs(100);
    var receivers = new HashMap<UUID, KvReceiver>();
    try {
      while (true) {
        var connection = listener.accept(Deadline.in(KvPeer.PATIENCE));
        if (connection == null) {
          continue;
        }
        if (connection.peer().equals(FragmentTarget.NAME)) {
          Thread.ofPlatform().daemon().name("fragments").start(() -> shelf.fragments(connection));
        } else {
          var receiver = receivers.get(connection.peerIncarnation());
          if (receiver == null || !receiver.add(connection)) {
            receivers.put(
                connection.peerIncarnation(),
                KvReceiver.open(List.of(connection), config, epochs, shelf));
          }
        }
      }
    } catch (IOException _) {
      // Closed: this process ends.
    }
  }

  /// One memory, in which every request begins at block 0.
  ///
  /// @param digests takes checksums, for which the sender should not have to wait
  private record Shelf(KvMemory memory, PrintWriter out, Executor digests) implements KvLanding {
    @Override
    public void offered(KvArrival arrival) {
      arrival.grant(memory, blocks());
    }

    private int[] blocks() {
      return IntStream.range(0, memory.layout().blocks()).toArray();
    }

    @Override
    public void ended(KvArrival arrival, KvOutcome outcome) {
      if (outcome instanceof KvOutcome.Done(var tokens)) {
        complete(arrival.offer().request(), tokens);
      }
    }

    private void complete(long request, int tokens) {
      digests.execute(
          () ->
              say(
                  out,
                  "%d %08x".formatted(request, KvStreamBench.digest(memory, blocks(), tokens))));
    }

    private void unpack(FragmentTarget.Head head, Connection.Incoming message)
        throws ConnectionLost {
      var layout = memory.layout();
      var slice = new KvSlice(head.layers(), head.tokens(), layout.heads());
      var regions = Regions.of(layout, blocks(), slice, layout.blockTokens());
      try (var arena = Arena.ofConfined()) {
        var bytes = arena.allocate(regions.bytes());
        message.read(List.of(bytes), Deadline.in(KvPeer.PATIENCE));
        memory.scatter(bytes, regions);
      }
    }

    /// Puts every message where it says, until the connection ends.
    private void fragments(Connection connection) {
      var bytes = HostDevice.segment(memory.cache(0).buffer());
      var answer = MemorySegment.ofArray(new byte[1]);
      try (connection) {
        while (true) {
          var message = connection.receive(Deadline.in(KvPeer.PATIENCE));
          if (message == null) {
            continue;
          }
          var head = FragmentTarget.Head.read(message.head());
          switch (head.kind()) {
            case PACKED -> unpack(head, message);
            case ROW ->
                message.read(
                    List.of(bytes.asSlice(head.value(), message.bodyLeft())),
                    Deadline.in(KvPeer.PATIENCE));
            case ASK -> connection.send(answer, List.of(), Deadline.in(KvPeer.PATIENCE));
            case END -> complete(head.request(), (int) head.value());
          }
        }
      } catch (ConnectionLost _) {
        // The other side is done.
      }
    }
  }
}
