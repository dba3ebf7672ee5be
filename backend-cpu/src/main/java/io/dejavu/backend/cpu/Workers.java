package io.dejavu.backend.cpu;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/// The threads that kernels share their work among: the caller and `threads - 1` platform threads
/// named `kernel-1`, `kernel-2` and so on, which live until {@link #close}.
///
/// Tasks are handed out one by one, so a thread that the system has taken from its core delays
/// nothing but the task that it has begun; where no other thread comes, the caller does all of
/// them. After its last task a thread spins for {@value #SPIN_NANOS} ns, because the next kernel
/// usually follows at once, and then sleeps. So entering and leaving costs about a microsecond
/// while a model computes, and an idle server no processor time.
///
/// One thread at a time may call {@link #run}.
public final class Workers implements AutoCloseable {
  private static final long SPIN_NANOS = 60_000;
  private static final int SPINS_PER_LOOK = 32;

  /// One piece of the work.
  public interface Task {
    /// @param index of the piece, from 0
    /// @param worker which thread runs it, in `[0, threads)`, for scratch memory; the caller is 0
    void run(int index, int worker);
  }

  private final Helper[] helpers;
  private volatile Region region = new Region(0, (_, _) -> {});
  private volatile boolean closed;

  /// @param threads that work, the caller among them
  public Workers(int threads) {
    if (threads < 1) {
      throw new IllegalArgumentException("%d threads".formatted(threads));
    }
    helpers = new Helper[threads - 1];
    for (int i = 0; i < helpers.length; i++) {
      helpers[i] = new Helper(i + 1, region);
      helpers[i].start();
    }
  }

  /// How many threads share the work, the caller among them.
  public int threads() {
    return helpers.length + 1;
  }

  /// Runs `task` once for every index in `[0, tasks)` and returns when all are done. Indices start
  /// in rising order; which thread runs which is a matter of chance.
  ///
  /// If a task throws, tasks that have not begun are left out, and the first exception is thrown
  /// here.
  public void run(int tasks, Task task) {
    if (tasks <= 1 || helpers.length == 0) {
      for (int i = 0; i < tasks; i++) {
        task.run(i, 0);
      }
      return;
    }
    if (closed) {
      throw new IllegalStateException("workers are closed");
    }
    var work = new Region(tasks, task);
    region = work;
    for (int i = 0; i < helpers.length && i < tasks - 1; i++) {
      helpers[i].wake();
    }
    work.take(0);
    work.await();
  }

  /// Ends the threads. No `run` may be under way.
  @Override
  public void close() {
    closed = true;
    for (var helper : helpers) {
      helper.wake();
    }
    for (var helper : helpers) {
      try {
        helper.join();
      } catch (InterruptedException _) {
        Thread.currentThread().interrupt();
        return;
      }
    }
  }

  /// Waits actively for a while; false when that while is over.
  private static final class Patience {
    private final long until = System.nanoTime() + SPIN_NANOS;
    private int spins;

    boolean spin() {
      Thread.onSpinWait();
      return ++spins % SPINS_PER_LOOK != 0 || System.nanoTime() < until;
    }
  }

  private final class Helper extends Thread {
    private final int worker;
    private Region last;
    private volatile boolean asleep;

    Helper(int worker, Region last) {
      super("kernel-" + worker);
      this.worker = worker;
      this.last = last;
      setDaemon(true);
    }

    void wake() {
      if (asleep) {
        LockSupport.unpark(this);
      }
    }

    @Override
    public void run() {
      while (!closed) {
        last = next();
        last.take(worker);
      }
    }

    private Region next() {
      var patience = new Patience();
      var seen = region;
      while (seen == last && !closed) {
        if (!patience.spin()) {
          asleep = true; // before the look at `region`, so that a wake between the two is not lost
          if (region == last && !closed) {
            LockSupport.park(Workers.this);
          }
          asleep = false;
        }
        seen = region;
      }
      return seen;
    }
  }

  /// One call of {@link Workers#run}. A thread that comes late finds no index left in it.
  private static final class Region {
    private static final VarHandle NEXT;
    private static final VarHandle DONE;
    private static final VarHandle FAILURE;

    static {
      try {
        var lookup = MethodHandles.lookup();
        NEXT = lookup.findVarHandle(Region.class, "next", int.class);
        DONE = lookup.findVarHandle(Region.class, "done", int.class);
        FAILURE = lookup.findVarHandle(Region.class, "failure", Throwable.class);
      } catch (ReflectiveOperationException e) {
        throw new ExceptionInInitializerError(e);
      }
    }

    private final int tasks;
    private final Task task;
    private final Thread caller = Thread.currentThread();
    private volatile int next;
    private volatile int done;
    private volatile boolean callerSleeps;
    private volatile @Nullable Throwable failure;

    Region(int tasks, Task task) {
      this.tasks = tasks;
      this.task = task;
    }

    void take(int worker) {
      while (next < tasks) {
        int index = (int) NEXT.getAndAdd(this, 1);
        if (index >= tasks) {
          return;
        }
        try {
          if (failure == null) {
            task.run(index, worker);
          }
        } catch (Throwable e) { // handed to the caller, see await
          FAILURE.compareAndSet(this, null, e);
        }
        if ((int) DONE.getAndAdd(this, 1) == tasks - 1 && callerSleeps) {
          LockSupport.unpark(caller);
        }
      }
    }

    void await() {
      var patience = new Patience();
      while (done < tasks) {
        if (!patience.spin()) {
          callerSleeps = true;
          if (done < tasks) {
            LockSupport.park(this);
          }
        }
      }
      switch (failure) {
        case null -> {}
        case RuntimeException e -> throw e;
        case Error e -> throw e;
        case Throwable e -> throw new IllegalStateException(e); // no task declares one
      }
    }
  }
}
