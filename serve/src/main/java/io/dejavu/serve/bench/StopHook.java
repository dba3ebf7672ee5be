package io.dejavu.serve.bench;

import java.io.PrintWriter;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/// Ctrl-C while something is measured: what is under way ends, and the process only after the main
/// thread has printed what there is, or `patience` later.
final class StopHook implements AutoCloseable {
  private final CountDownLatch done = new CountDownLatch(1);
  private final Runnable stop;
  private final Duration patience;
  private final PrintWriter err;
  private final Thread thread = Thread.ofPlatform().name("stop").unstarted(this::run);

  private StopHook(Runnable stop, Duration patience, PrintWriter err) {
    this.stop = stop;
    this.patience = patience;
    this.err = err;
  }

  /// From now on, until it is closed.
  ///
  /// @param stop called in the shutdown's own thread
  static StopHook open(Runnable stop, Duration patience, PrintWriter err) {
    var hook = new StopHook(stop, patience, err);
    Runtime.getRuntime().addShutdownHook(hook.thread);
    return hook;
  }

  private void run() {
    stop.run();
    try {
      if (!done.await(patience.toNanos(), TimeUnit.NANOSECONDS)) {
        err.println("dejavu: the measurement did not end");
      }
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() {
    done.countDown();
    try {
      Runtime.getRuntime().removeShutdownHook(thread);
    } catch (IllegalStateException _) {
      // the process is ending, by this hook
    }
  }
}
