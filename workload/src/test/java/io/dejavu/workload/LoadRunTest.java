package io.dejavu.workload;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
final class LoadRunTest {
  /// Answers when it is let, and counts how many wait.
  private static final class Gate implements Target {
    private final AtomicInteger running = new AtomicInteger();
    private final AtomicInteger most = new AtomicInteger();
    private final List<Integer> order = Collections.synchronizedList(new ArrayList<>());

    @Override
    public Prepared prepare(PlannedRequest request, int number) {
      return clock -> {
        long start = clock.now();
        order.add(number);
        most.accumulateAndGet(running.incrementAndGet(), Math::max);
        Thread.onSpinWait();
        running.decrementAndGet();
        long end = clock.now();
        return new Attempt(
            number, request, start, new long[] {end}, end, request.promptTokens(), 1, 0, null);
      };
    }

    @Override
    public void stop() {}
  }

  @Test
  void aClosedLoopKeepsItsConcurrency() {
    var gate = new Gate();
    var ended = new AtomicInteger();
    var workload = SyntheticWorkload.of(SyntheticWorkload.Kind.FIXED).make(200, 1);

    var outcome =
        new LoadRun(gate, System::nanoTime, _ -> ended.incrementAndGet()).closed(workload, 7);

    assertThat(outcome.attempts().stream().map(Attempt::number)).hasSize(200).isSorted();
    assertThat(gate.most.get()).isBetween(1, 7);
    assertThat(ended).hasValue(200);
    assertThat(outcome.stopped()).isFalse();
  }

  @Test
  void anOpenLoopSendsEachAtItsTime() {
    var gate = new Gate();
    var workload =
        SyntheticWorkload.of(SyntheticWorkload.Kind.FIXED)
            .make(5, 1)
            .arriving(List.of(0, 20, 40, 80, 120).stream().map(Duration::ofMillis).toList());

    var outcome = new LoadRun(gate, System::nanoTime, _ -> {}).open(workload, 100);

    assertThat(outcome.attempts()).hasSize(5);
    for (var attempt : outcome.attempts()) {
      assertThat(attempt.startNanos())
          .as("never early")
          .isGreaterThanOrEqualTo(attempt.planned().at().toNanos());
      assertThat(attempt.startNanos() - attempt.planned().at().toNanos())
          .isLessThanOrEqualTo(outcome.worstLagNanos());
    }
  }

  @Test
  void anOpenLoopWithPlacesWaitsForOne() throws InterruptedException {
    var second = new CountDownLatch(1);
    var gate = new Gate();
    Target blocking =
        new Target() {
          @Override
          public Prepared prepare(PlannedRequest request, int number) {
            var prepared = gate.prepare(request, number);
            return clock -> {
              second.countDown();
              return prepared.send(clock);
            };
          }

          @Override
          public void stop() {}
        };
    var workload = SyntheticWorkload.of(SyntheticWorkload.Kind.FIXED).make(30, 1);

    var outcome = new LoadRun(blocking, System::nanoTime, _ -> {}).open(workload, 1);

    second.await();
    assertThat(gate.most).hasValue(1);
    assertThat(outcome.attempts()).hasSize(30);
  }
}
