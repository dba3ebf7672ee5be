package io.dejavu.testkit;

import io.dejavu.transport.Address;
import io.dejavu.transport.Connection;
import io.dejavu.transport.Deadline;
import io.dejavu.transport.Identity;
import io.dejavu.transport.Transport;
import io.dejavu.transport.TransportConfig;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;

/// Another process that connects and behaves badly until it is killed.
public final class PeerProcess {
  /// How it behaves on a connection.
  public enum Mood {
    /// Neither sends nor receives.
    SILENT,
    /// Does not receive.
    DEAF,
    /// Sends large frames without end.
    FLOODING;

    /// As whom it introduces itself.
    public String peerName() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  private PeerProcess() {}

  /// Starts one that connects once for each mood, in this order.
  static Process start(Address address, Mood... moods) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(ProcessHandle.current().info().command().orElse("java"));
    command.addAll(List.of("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx256m"));
    command.addAll(List.of("-cp", System.getProperty("java.class.path")));
    command.add(PeerProcess.class.getName());
    command.add(address.toString());
    for (Mood mood : moods) {
      command.add(mood.name());
    }
    return new ProcessBuilder(command).inheritIO().start();
  }

  /// @param arguments the address, then moods
  public static void main(String... arguments) throws IOException, InterruptedException {
    Address address = Address.parse(arguments[0]);
    List<Connection> kept = new ArrayList<>();
    for (int i = 1; i < arguments.length; i++) {
      Mood mood = Mood.valueOf(arguments[i]);
      var transport =
          new Transport(
              Identity.of(mood.peerName()), ConnectionContract.SECRET, TransportConfig.DEFAULT);
      Connection connection = transport.connect(address, Deadline.in(Duration.ofSeconds(30)));
      kept.add(connection);
      if (mood == Mood.FLOODING) {
        Thread.ofPlatform().start(() -> flood(connection));
      }
    }
    TimeUnit.MINUTES.sleep(2); // killed long before
    kept.forEach(Connection::close);
  }

  private static void flood(Connection connection) {
    try (var arena = Arena.ofConfined()) {
      MemorySegment body = arena.allocate(32 << 20);
      while (true) {
        connection.send(MemorySegment.NULL, List.of(body), Deadline.in(Duration.ofMinutes(2)));
      }
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }
}
