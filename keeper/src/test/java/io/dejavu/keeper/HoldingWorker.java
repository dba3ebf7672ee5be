package io.dejavu.keeper;

import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;

/// A process that holds memory and counts in it without end: `SOCKET NAME SEGMENT BYTES`.
final class HoldingWorker {
  private HoldingWorker() {}

  public static void main(String[] arguments) throws Exception {
    try (var client =
            KeeperClient.connect(
                Path.of(arguments[0]), arguments[1], Duration.ofSeconds(10), _ -> {});
        var file =
            FileChannel.open(
                Path.of(client.hold(arguments[2], Long.parseLong(arguments[3])).path()),
                StandardOpenOption.READ,
                StandardOpenOption.WRITE)) {
      var memory = file.map(FileChannel.MapMode.READ_WRITE, 0, file.size(), Arena.global());
      for (long count = 1; ; count++) {
        memory.set(ValueLayout.JAVA_LONG, 0, count);
        Thread.sleep(1);
      }
    }
  }
}
