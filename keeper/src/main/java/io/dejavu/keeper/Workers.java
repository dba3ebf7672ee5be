package io.dejavu.keeper;

import java.io.File;
import java.io.IOException;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// The processes that a keeper started or that told it their names, and the fence: it knows when
/// one of them has exited, and can make it.
///
/// Thread-safe.
final class Workers {
  private static final long POLL_MILLIS = 2;

  private final Consumer<WorkerExit> listener;
  private final Map<String, Worker> workers = new HashMap<>();
  private boolean isEnding; // read and written while this is held

  /// @param child null if another process started it
  private record Worker(
      String name, ProcessEntry entry, @Nullable Process child, CompletableFuture<Integer> exit) {}

  /// @param listener hears of each exit, from any thread
  Workers(Consumer<WorkerExit> listener) {
    this.listener = listener;
  }

  /// Starts a process, whose output goes where this one's goes.
  ///
  /// @return its number
  synchronized long start(String name, List<String> command) throws IOException {
    if (isEnding) {
      throw new IOException("this keeper is ending");
    }
    checkFree(name, -1);
    var child =
        new ProcessBuilder(command)
            .redirectInput(new File("/dev/null"))
            .redirectOutput(ProcessBuilder.Redirect.INHERIT)
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    // It is there, if only as a zombie, until it is waited for, which onExit does.
    var worker =
        new Worker(name, new ProcessEntry(child.pid(), ""), child, new CompletableFuture<>());
    workers.put(name, worker);
    var _ = child.onExit().thenAccept(ended -> exited(worker, ended.exitValue()));
    return child.pid();
  }

  /// A process says its name.
  ///
  /// @throws IOException if there is no such process, or another that lives has the name
  synchronized void join(String name, long pid) throws IOException {
    var known = workers.get(name);
    if (known != null && known.entry.pid() == pid && !known.exit.isDone()) {
      return;
    }
    checkFree(name, pid);
    workers.put(name, new Worker(name, ProcessEntry.of(pid), null, new CompletableFuture<>()));
  }

  private void checkFree(String name, long pid) throws IOException {
    var known = workers.get(name);
    if (known != null && !hasExited(known)) {
      throw new IOException(
          "%s is process %d, which lives; %d cannot be it".formatted(name, known.entry.pid(), pid));
    }
  }

  /// Whether nobody of this name lives.
  boolean hasExited(String name) throws IOException {
    var worker = known(name);
    return worker == null || hasExited(worker);
  }

  private static boolean hasExited(Worker worker) throws IOException {
    return worker.exit.isDone() || worker.child == null && worker.entry.hasExited();
  }

  /// Its connection is gone: perhaps it is, too.
  void lost(String name, Duration patience) throws IOException, InterruptedException {
    var worker = known(name);
    if (worker != null && worker.child == null) {
      awaitExit(worker, patience);
    }
  }

  /// Kills a process, if it lives, and returns when it has exited.
  ///
  /// @throws IOException if it has not in time
  void fence(String name, Duration patience) throws IOException, InterruptedException {
    var worker = known(name);
    if (worker == null || hasExited(worker)) {
      return;
    }
    if (worker.child != null) {
      worker.child.destroyForcibly();
    } else {
      ProcessHandle.of(worker.entry.pid()).ifPresent(ProcessHandle::destroyForcibly);
    }
    if (!awaitExit(worker, patience)) {
      throw new IOException(
          "%s, process %d, has not exited %d ms after it was killed"
              .formatted(name, worker.entry.pid(), patience.toMillis()));
    }
  }

  private boolean awaitExit(Worker worker, Duration patience)
      throws IOException, InterruptedException {
    if (worker.child != null) {
      try {
        worker.exit.get(patience.toNanos(), TimeUnit.NANOSECONDS);
        return true;
      } catch (TimeoutException _) {
        return false;
      } catch (ExecutionException e) {
        throw new IllegalStateException(e);
      }
    }
    long end = System.nanoTime() + patience.toNanos();
    while (!worker.entry.hasExited()) {
      if (System.nanoTime() - end > 0) {
        return false;
      }
      Thread.sleep(POLL_MILLIS);
    }
    exited(worker, -1);
    return true;
  }

  private void exited(Worker worker, int status) {
    if (worker.exit.complete(status)) {
      listener.accept(new WorkerExit(worker.name, worker.entry.pid(), status));
    }
  }

  private synchronized @Nullable Worker known(String name) {
    return workers.get(name);
  }

  /// Looks after those that others started, whose exit nobody tells.
  ///
  /// @return whether any worker lives
  boolean lookAfter() throws IOException {
    boolean anyLives = false;
    for (var worker : all()) {
      if (!hasExited(worker)) {
        anyLives = true;
      } else if (worker.child == null) {
        exited(worker, -1);
      }
    }
    return anyLives;
  }

  private synchronized List<Worker> all() {
    return List.copyOf(workers.values());
  }

  /// Kills all that were started here, and returns when they have exited; none is started any more.
  void killChildren(Duration patience) throws IOException, InterruptedException {
    for (var name : lastChildren()) {
      fence(name, patience);
    }
  }

  private synchronized List<String> lastChildren() {
    isEnding = true;
    return workers.values().stream()
        .filter(worker -> worker.child != null)
        .map(Worker::name)
        .toList();
  }
}
