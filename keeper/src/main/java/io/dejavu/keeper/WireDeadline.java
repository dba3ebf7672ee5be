package io.dejavu.keeper;

import java.time.Duration;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/// Closes a connection on which something takes too long: a Unix-domain socket of the JDK that
/// blocks knows no timeout. Over when this closes.
///
/// Its thread, `keeper-deadlines`, is there only while there are any.
final class WireDeadline implements AutoCloseable {
  private static final ScheduledThreadPoolExecutor CLOCK = clock();

  private final Duration within;
  private final Future<?> end;
  private volatile boolean passed;

  WireDeadline(KeeperWire wire, Duration within) {
    this.within = within;
    end =
        CLOCK.schedule(
            () -> {
              passed = true;
              wire.close();
            },
            within.toNanos(),
            TimeUnit.NANOSECONDS);
  }

  private static ScheduledThreadPoolExecutor clock() {
    var clock =
        new ScheduledThreadPoolExecutor(
            1, Thread.ofPlatform().name("keeper-deadlines").daemon().factory());
    clock.setRemoveOnCancelPolicy(true);
    clock.setKeepAliveTime(5, TimeUnit.SECONDS);
    clock.allowCoreThreadTimeOut(true);
    return clock;
  }

  /// Whether it has closed the connection.
  boolean passed() {
    return passed;
  }

  @Override
  public String toString() {
    return within.toMillis() + " ms";
  }

  @Override
  public void close() {
    end.cancel(false);
  }
}
