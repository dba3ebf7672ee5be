package io.dejavu.keeper;

import java.io.IOException;
import java.lang.System.Logger.Level;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;

/// Tells one client who exits, in that order. Its thread, `keeper-tell`, is there before it is
/// needed: when somebody exits, there is perhaps none to be had. One that does not read keeps
/// nobody else waiting, and loses its connection.
final class Watcher implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(Watcher.class.getName());

  static final int MOST_UNTOLD = 1024;

  private final KeeperWire wire;
  private final BlockingQueue<List<String>> untold = new ArrayBlockingQueue<>(MOST_UNTOLD);
  private final Thread thread =
      Thread.ofPlatform().name("keeper-tell").daemon().unstarted(this::tellAll);

  private Watcher(KeeperWire wire) {
    this.wire = wire;
  }

  static Watcher start(KeeperWire wire) {
    var watcher = new Watcher(wire);
    watcher.thread.start();
    return watcher;
  }

  /// Never waits.
  void tell(long number, WorkerExit exit) {
    var words =
        List.of(
            "exited",
            exit.worker(),
            Long.toString(exit.pid()),
            Integer.toString(exit.status()),
            Long.toString(number));
    if (!untold.offer(words)) {
      wire.close();
    }
  }

  private void tellAll() {
    try {
      while (true) {
        wire.write(untold.take());
      }
    } catch (IOException e) {
      LOG.log(Level.DEBUG, "a watcher is gone", e);
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    } finally {
      wire.close();
    }
  }

  @Override
  public void close() {
    thread.interrupt();
  }
}
