package io.dejavu.keeper;

import java.time.Duration;
import java.util.List;

/// A process with a keeper of its own, which has started another and holds memory. Says the numbers
/// of both and the keeper's folder, and waits for its end.
final class OwningProcess {
  private OwningProcess() {}

  public static void main(String[] arguments) throws Exception {
    try (var keeper = OwnKeeper.start("dejavu-own-");
        var client =
            KeeperClient.connect(keeper.socket(), "owner", Duration.ofSeconds(30), _ -> {})) {
      client.hold("kv", 4096);
      long child = client.start("child", List.of("sleep", "600"));
      System.out.println(keeper.process().pid() + " " + child + " " + keeper.folder());
      while (System.in.read() >= 0) {}
    }
  }
}
