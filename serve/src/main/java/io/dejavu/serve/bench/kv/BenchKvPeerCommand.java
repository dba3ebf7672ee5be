package io.dejavu.serve.bench.kv;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.dejavu.kv.HeadRange;
import io.dejavu.kv.KvLayout;
import io.dejavu.kv.KvMemory;
import io.dejavu.kv.LayerRange;
import io.dejavu.kv.stream.KvArrival;
import io.dejavu.kv.stream.KvEpochs;
import io.dejavu.kv.stream.KvLanding;
import io.dejavu.kv.stream.KvOutcome;
import io.dejavu.kv.stream.KvReceiver;
import io.dejavu.kv.stream.KvStreamConfig;
import io.dejavu.serve.cli.ExitCode;
import io.dejavu.serve.logging.LogLevel;
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
import java.util.HashMap;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/// The receiving process of `bench kv stream`. Reads from its input a secret, an address, a layout,
/// how many sequences there are and whether there are checksums, a line each; writes the address.
/// Then, for each line with a number of tokens, it writes the checksums of so many of each
/// sequence. Ends with its input.
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
    var sequences = new BenchSequences(layout, Integer.parseInt(in.readLine()));
    var config = KvStreamConfig.DEFAULT.withChecksums(Boolean.parseBoolean(in.readLine()));
    var transport = new Transport(Identity.of("peer"), secret, TransportConfig.DEFAULT);
    try (var memory = KvMemory.open(new HostDevice(), layout);
        var listener = transport.listen(address)) {
      var shelf = new Shelf(memory, sequences);
      Thread.ofPlatform().daemon().name("accept").start(() -> accept(listener, config, shelf));
      say(out, listener.address().toString());
      for (String line; (line = in.readLine()) != null; ) {
        say(
            out,
            IntStream.of(sequences.digests(memory, Integer.parseInt(line)))
                .mapToObj(Integer::toHexString)
                .collect(Collectors.joining(" ")));
      }
    }
    return ExitCode.DONE.code();
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

  private static void say(PrintWriter out, String line) {
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
        if (connection.peer().equals(PlainLink.NAME)) {
          Thread.ofPlatform().daemon().name("plain").start(() -> shelf.take(connection));
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

  /// One memory for all that comes.
  private record Shelf(KvMemory memory, BenchSequences sequences) implements KvLanding {
    @Override
    public void offered(KvArrival arrival) {
      int sequence = StreamTarget.sequence(arrival.offer().request(), sequences);
      arrival.grant(memory, sequences.table(sequence));
    }

    /// Nothing to do: who has sent it knows too, and asks.
    @Override
    public void ended(KvArrival arrival, KvOutcome outcome) {}

    void take(Connection connection) {
      try (var receiver = new PlainReceiver(connection, memory, sequences)) {
        receiver.run();
      } catch (ConnectionLost _) {
        // The other side is done.
      }
    }
  }
}
