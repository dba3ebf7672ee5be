package io.dejavu.backend.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(20)
class WorkersTest {
  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 8})
  void everyTaskRunsOnceInEveryRegion(int threads) {
    try (var workers = new Workers(threads)) {
      for (int tasks = 0; tasks < 400; tasks++) {
        var runs = new AtomicIntegerArray(tasks + 1);

        workers.run(tasks, (index, _) -> runs.incrementAndGet(index));

        for (int i = 0; i < tasks; i++) {
          assertThat(runs.get(i)).as("task %d of %d", i, tasks).isEqualTo(1);
        }
      }
    }
  }

  @Test
  void aWorkerNumberBelongsToOneThread() {
    try (var workers = new Workers(3)) {
      var owners = new ConcurrentHashMap<Integer, Thread>();

      for (int i = 0; i < 1000; i++) {
        workers.run(
            20,
            (_, worker) -> {
              var owner = owners.putIfAbsent(worker, Thread.currentThread());
              assertThat(owner == null || owner.equals(Thread.currentThread())).isTrue();
            });
      }

      assertThat(owners.get(0)).isSameAs(Thread.currentThread());
      assertThat(owners.keySet()).isSubsetOf(0, 1, 2);
    }
  }

  @Test
  void whatATaskThrowsReachesTheCallerAndTheNextRegionRuns() {
    try (var workers = new Workers(2)) {
      for (int bad = 0; bad < 50; bad++) {
        var index = bad;

        assertThatThrownBy(
                () ->
                    workers.run(
                        50,
                        (i, _) -> {
                          if (i == index) {
                            throw new ArithmeticException("task " + i);
                          }
                        }))
            .isInstanceOf(ArithmeticException.class)
            .hasMessage("task " + bad);
      }
      workers.run(50, (_, _) -> {});
    }
  }

  @Test
  void sleepingWorkersWake() throws InterruptedException {
    try (var workers = new Workers(2)) {
      for (int i = 0; i < 20; i++) {
        Thread.sleep(Duration.ofMillis(2));
        var runs = new AtomicIntegerArray(2);

        workers.run(2, (index, _) -> runs.incrementAndGet(index));

        assertThat(runs.get(0) + runs.get(1)).isEqualTo(2);
      }
    }
  }

  @Test
  void closingEndsTheThreads() {
    var workers = new Workers(3);
    workers.close();

    assertThat(kernelThreads()).isEmpty();
    assertThatThrownBy(() -> workers.run(2, (_, _) -> {}))
        .isInstanceOf(IllegalStateException.class);
  }

  private static Stream<Thread> kernelThreads() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().startsWith("kernel-") && thread.isAlive());
  }
}
