package io.dejavu.workload;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/// Sends a workload to a target, each request on a virtual thread of its own. One that was stopped
/// stays so.
public final class LoadRun {
  /// A request is made so long before it is sent, so that making it delays nothing.
  private static final long PREPARATION_NANOS = 50_000_000;

  /// What came of it.
  ///
  /// @param attempts by their number; of a run that was stopped, those that were begun
  /// @param durationNanos from the beginning to the end of the last attempt
  /// @param clientNanos processor time that this process took meanwhile, on all cores
  /// @param worstLagNanos the latest that a request was sent after its time; 0 in a closed loop
  /// @param stopped whether it ended early
  public record Outcome(
      List<Attempt> attempts,
      long durationNanos,
      long clientNanos,
      long worstLagNanos,
      boolean stopped) {
    public Outcome {
      attempts = List.copyOf(attempts);
    }
  }

  private final Target target;
  private final LongSupplier nanoTime;
  private final Consumer<Attempt> ended;
  private final Queue<Attempt> attempts = new ConcurrentLinkedQueue<>();
  private volatile boolean stopped;
  private volatile Thread driver = Thread.currentThread();

  /// @param nanoTime the clock of all times
  /// @param ended hears of each attempt when it ends, on that attempt's thread
  public LoadRun(Target target, LongSupplier nanoTime, Consumer<Attempt> ended) {
    this.target = target;
    this.nanoTime = nanoTime;
    this.ended = ended;
  }

  /// As many requests at a time as given: the next begins when one has ended.
  public Outcome closed(Workload workload, int concurrency) {
    var next = new AtomicInteger();
    long cpu = processorNanos();
    var clock = RunClock.startingNow(nanoTime);
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (int i = 0; i < Math.min(concurrency, workload.requests().size()); i++) {
        threads.execute(
            () -> {
              for (int number = next.getAndIncrement();
                  number < workload.requests().size() && !stopped;
                  number = next.getAndIncrement()) {
                add(target.prepare(workload.requests().get(number), number).send(clock));
              }
            });
      }
    }
    return outcome(cpu, 0);
  }

  /// Every request at its time, whatever became of those before it.
  ///
  /// @param mostAtOnce further ones wait; their latency counts from when they are sent
  public Outcome open(Workload workload, int mostAtOnce) {
    driver = Thread.currentThread();
    var places = new Semaphore(mostAtOnce);
    long cpu = processorNanos();
    var clock = RunClock.startingNow(nanoTime);
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (int i = 0; i < workload.requests().size() && !stopped; i++) {
        int number = i;
        var request = workload.requests().get(i);
        waitUntil(clock, request.at().toNanos() - PREPARATION_NANOS);
        threads.execute(() -> sendAt(request, number, clock, places));
      }
    }
    long lag = 0;
    if (mostAtOnce >= workload.requests().size()) {
      for (var attempt : attempts) {
        lag = Math.max(lag, attempt.startNanos() - attempt.planned().at().toNanos());
      }
    }
    return outcome(cpu, lag);
  }

  /// From any thread: sends nothing more and ends what is under way.
  public void stop() {
    stopped = true;
    target.stop();
    LockSupport.unpark(driver);
  }

  private void sendAt(PlannedRequest request, int number, RunClock clock, Semaphore places) {
    var prepared = target.prepare(request, number);
    waitUntil(clock, request.at().toNanos());
    places.acquireUninterruptibly(); // those before it have deadlines
    try {
      if (!stopped) {
        add(prepared.send(clock));
      }
    } finally {
      places.release();
    }
  }

  private void add(Attempt attempt) {
    attempts.add(attempt);
    ended.accept(attempt);
  }

  private void waitUntil(RunClock clock, long nanos) {
    for (long left = nanos - clock.now(); left > 0 && !stopped; left = nanos - clock.now()) {
      LockSupport.parkNanos(this, Math.min(left, PREPARATION_NANOS));
    }
  }

  private Outcome outcome(long cpuBefore, long lag) {
    long cpu = processorNanos() - cpuBefore;
    var all = new ArrayList<>(attempts);
    all.sort(Comparator.comparingInt(Attempt::number));
    long end = all.stream().mapToLong(Attempt::endNanos).max().orElse(0);
    return new Outcome(all, end, cpu, lag, stopped);
  }

  private static long processorNanos() {
    return ManagementFactory.getOperatingSystemMXBean() instanceof OperatingSystemMXBean system
        ? system.getProcessCpuTime()
        : 0;
  }
}
