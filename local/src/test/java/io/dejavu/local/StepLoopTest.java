package io.dejavu.local;

import static io.dejavu.local.Listener.accepted;
import static org.assertj.core.api.Assertions.assertThat;

import io.dejavu.engine.Admission;
import io.dejavu.engine.Engine.Outcome;
import io.dejavu.engine.EngineConfig;
import io.dejavu.engine.EngineObserver;
import io.dejavu.engine.FinishReason;
import io.dejavu.engine.GenerationEvent;
import io.dejavu.engine.GenerationEvent.Failed;
import io.dejavu.engine.GenerationEvent.Finished;
import io.dejavu.engine.GenerationRequest;
import io.dejavu.engine.SchedulingConfig;
import io.dejavu.engine.StepPlan;
import io.dejavu.kv.BlockPool;
import io.dejavu.tensor.Sampling;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class StepLoopTest {
  private static final int BLOCK_TOKENS = 8;
  private static final int BLOCKS = 64;

  private final AtomicReference<Consumer<StepPlan>> before = new AtomicReference<>(_ -> {});
  private final PretendComputer computer =
      new PretendComputer(BLOCKS, BLOCK_TOKENS, plan -> before.get().accept(plan));
  private final BlockPool pool = new BlockPool(BLOCKS);
  private final Diary observer = new Diary();
  private StepLoop loop =
      start(
          new StepLoopConfig(
              Duration.ofMinutes(1), Duration.ofMinutes(1), Duration.ofSeconds(20), false));

  private StepLoop start(StepLoopConfig config) {
    return start(config, StepListener.NONE);
  }

  private StepLoop start(StepLoopConfig config, StepListener listener) {
    return StepLoop.start(
        computer,
        new EngineConfig(32, 16, 100, 0),
        config,
        new Admission(PretendComputer.VOCABULARY, 100, 5),
        pool,
        SchedulingConfig.of(BLOCK_TOKENS).withSwap(BLOCKS, 100),
        observer,
        listener);
  }

  @AfterEach
  void everythingIsFreedWhenTheLoopIsClosed() {
    loop.close();

    assertThat(loop.status().blocksInUse()).isZero();
    assertThat(loop.status().running()).isZero();
    assertThat(loop.status().waiting()).isZero();
    assertThat(loop.status().healthy()).isFalse();
    assertThat(computer.closed).isTrue();
    pool.check();
    assertThat(pool.inUse()).isZero();
  }

  @Test
  void aRequestGetsItsTokensAndItsEnd() throws InterruptedException {
    var listener = new Listener();
    var request = request(50, 20, 7);

    accepted(loop.submit(request, listener));

    assertThat(listener.end()).isEqualTo(new Finished(FinishReason.LENGTH, 50, 20, 0));
    assertThat(listener.tokens()).isEqualTo(PretendComputer.expected(request));
    assertThat(loop.status().healthy()).isTrue();
    assertThat(loop.status().blocks()).isEqualTo(BLOCKS);
  }

  /// 64 clients at once, some of which go away: each gets the tokens that it would get alone.
  @Test
  void whoeverElseIsThereEachGetsItsOwnTokens() throws Exception {
    try (var threads = Executors.newFixedThreadPool(64)) {
      var clients = new ArrayList<Future<?>>();
      for (int i = 0; i < 64; i++) {
        var random = new SplittableRandom(i);
        clients.add(threads.submit(() -> client(random)));
      }
      for (var client : clients) {
        get(client);
      }
    }

    await(() -> loop.status().blocksInUse() == 0);
    assertThat(loop.status().healthy()).isTrue();
    assertThat(loop.status().steps()).isPositive();
  }

  private Void client(SplittableRandom random) throws InterruptedException {
    for (int i = 0; i < 30; i++) {
      var request = request(1 + random.nextInt(60), 1 + random.nextInt(39), random.nextLong());
      var listener = new Listener();
      var outcome = loop.submit(request, listener);
      if (outcome instanceof Outcome.Busy) {
        Thread.sleep(1 + random.nextInt(3));
        continue;
      }
      boolean leaves = random.nextInt(3) == 0;
      if (leaves) {
        Thread.sleep(random.nextInt(3));
        accepted(outcome).cancel();
        accepted(outcome).cancel();
      }
      var end = listener.end();
      var expected = PretendComputer.expected(request);
      if (end.equals(
          new Finished(FinishReason.LENGTH, request.prompt().length, expected.size(), 0))) {
        assertThat(listener.tokens()).isEqualTo(expected);
      } else {
        assertThat(leaves).isTrue();
        assertThat(((Finished) end).reason()).isEqualTo(FinishReason.CANCELLED);
        assertThat(expected.subList(0, listener.tokens().size())).isEqualTo(listener.tokens());
      }
    }
    return null;
  }

  @Test
  void whatCanNeverRunIsRefused() {
    var listener = new Listener();

    assertThat(loop.submit(request(100, 1, 0), listener))
        .isEqualTo(
            new Outcome.Refused(
                "the prompt has 100 tokens; prompt and answer together can have 100"));
    assertThat(listener.events()).isEmpty();
  }

  @Test
  void moreThanMayWaitAreTurnedAway() throws InterruptedException {
    var gate = new Semaphore(0);
    before.set(_ -> gate.acquireUninterruptibly());
    var listeners = new ArrayList<Listener>();
    for (int i = 0; i < 116; i++) {
      listeners.add(new Listener());
      accepted(loop.submit(request(1, 1, 0), listeners.get(i)));
    }

    assertThat(loop.submit(request(1, 1, 0), new Listener()))
        .isEqualTo(new Outcome.Busy("116 requests run or wait already"));

    gate.release(1000);
    for (var listener : listeners) {
      listener.end();
    }
    accepted(loop.submit(request(1, 1, 0), new Listener()));
  }

  @Test
  void aStepThatFailsEndsItsRequestsAndTheLoopGoesOn() throws InterruptedException {
    var fails = new AtomicBoolean(true);
    before.set(
        _ -> {
          if (fails.get()) {
            throw new IllegalStateException("out of order");
          }
        });
    var first = new Listener();
    accepted(loop.submit(request(4, 4, 0), first));

    assertThat(first.end())
        .isEqualTo(
            new Failed(
                "step 1 of 4 tokens of 1 sequences failed:"
                    + " java.lang.IllegalStateException: out of order"));
    await(() -> !loop.status().healthy());
    assertThat(loop.status().problem()).contains("out of order");

    fails.set(false);
    await(() -> loop.status().healthy());
    var second = new Listener();
    accepted(loop.submit(request(4, 4, 0), second));
    assertThat(second.end()).isInstanceOf(Finished.class);
  }

  @Test
  void anErrorInAStepIsAFailedStepToo() throws InterruptedException {
    before.set(
        plan -> {
          if (plan.number() == 1) {
            throw new OutOfMemoryError("pretended");
          }
        });
    var listener = new Listener();
    accepted(loop.submit(request(4, 4, 0), listener));

    assertThat(((Failed) listener.end()).why()).endsWith("OutOfMemoryError: pretended");
    await(() -> loop.status().healthy());
  }

  @Test
  void aListenerThatThrowsLosesItsRequestOnly() throws InterruptedException {
    var other = new Listener();
    accepted(
        loop.submit(
            request(4, 90, 0),
            _ -> {
              throw new IllegalArgumentException("a broken client");
            }));
    accepted(loop.submit(request(4, 90, 0), other));

    assertThat(other.end()).isInstanceOf(Finished.class);
    await(() -> loop.status().waiting() + loop.status().running() == 0);
    assertThat(loop.status().blocksInUse()).isZero();
  }

  @Test
  void anObserverSeesTheLifeOfARequest() throws InterruptedException {
    var listener = new Listener();
    accepted(loop.submit(request(40, 2, 0), listener));
    listener.end();
    loop.close();

    assertThat(observer.lines)
        .containsSubsequence(
            "queued 1",
            "started 1, 0 cached",
            "step of 32",
            "step of 8",
            "token 1 of 1",
            "step of 1",
            "token 2 of 1",
            "ended 1 LENGTH");
    assertThat(observer.times).isSorted();
  }

  @Test
  void sequencesThatLoseTheirPlaceGoOnLaterAsIfNothingHadBeen() throws InterruptedException {
    for (int i = 0; i < 20; i++) { // Short answers, from which too much is expected of the next.
      var listener = new Listener();
      accepted(loop.submit(request(4, 1, i), listener));
      listener.end();
    }
    var gate = new Semaphore(0); // All are there before the first of them can end.
    before.set(_ -> gate.acquireUninterruptibly());
    var requests = new ArrayList<GenerationRequest>();
    var listeners = new ArrayList<Listener>();
    for (int i = 0; i < 16; i++) {
      requests.add(request(4 + i, 80, i));
      listeners.add(new Listener());
      accepted(loop.submit(requests.getLast(), listeners.getLast()));
    }
    gate.release(1_000_000);

    for (int i = 0; i < 16; i++) {
      assertThat(listeners.get(i).end()).isInstanceOf(Finished.class);
      assertThat(tokens(listeners.get(i))).isEqualTo(PretendComputer.expected(requests.get(i)));
    }
    var totals = loop.status().totals();
    assertThat(totals.swaps() + totals.recomputes()).isPositive();
    loop.close();
    assertThat(observer.lines)
        .filteredOn(line -> line.startsWith("preempted"))
        .hasSize((int) (totals.swaps() + totals.recomputes()));
    assertThat(observer.lines)
        .filteredOn(line -> line.startsWith("resumed"))
        .hasSize((int) (totals.swaps() + totals.recomputes()));
  }

  /// What a loop has computed outlives it: another one goes on where its record ends.
  @Test
  void anotherLoopGoesOnWithWhatIsInMemory() throws InterruptedException {
    loop.close();
    var record = new Whereabouts();
    loop = start(StepLoopConfig.DEFAULT, record);
    var request = request(30, 40, 5);
    var first = new Listener();
    accepted(
        loop.submit(
            request,
            event -> {
              first.accept(event);
              if (event instanceof GenerationEvent.Token(var position, _, _) && position == 39) {
                loop.close();
              }
            }));
    first.end();
    await(loop::hasEnded);
    assertThat(first.tokens()).hasSize(10);
    assertThat(record.lines).containsExactly("1 begins", "1 ended");
    assertThat(record.computed).isEqualTo(39);

    var starts = Collections.synchronizedList(new ArrayList<Integer>());
    before.set(plan -> starts.add(plan.chunks().getFirst().start()));
    loop = start(StepLoopConfig.DEFAULT);
    var second = new Listener();
    int[] generated = first.tokens().stream().mapToInt(Integer::intValue).toArray();
    accepted(loop.adopt(request, generated, record.computed, record.blocks, second));

    assertThat(second.end()).isEqualTo(new Finished(FinishReason.LENGTH, 30, 40, 30));
    assertThat(starts.getFirst()).isEqualTo(39);
    var tokens = new ArrayList<>(first.tokens());
    tokens.addAll(second.tokens());
    assertThat(tokens).isEqualTo(PretendComputer.expected(request));
    assertThat(observer.lines).contains("token 11 of 1");
  }

  @Test
  void whatWasGeneratedElsewhereMustBePossible() {
    assertThat(loop.adopt(request(4, 2, 0), new int[3], 4, new int[] {0}, new Listener()))
        .isEqualTo(new Outcome.Refused("3 tokens are generated, there is room for 2"));
    assertThat(loop.adopt(request(4, 2, 0), new int[] {5000}, 4, new int[] {0}, new Listener()))
        .isInstanceOf(Outcome.Refused.class);
  }

  /// Writes down where a sequence is.
  private static final class Whereabouts implements StepListener {
    final List<String> lines = Collections.synchronizedList(new ArrayList<>());
    volatile int computed;
    volatile int[] blocks = {};

    @Override
    public void sequenceBegins(long sequence, GenerationRequest request) {
      lines.add(sequence + " begins");
    }

    @Override
    public void stepDone(StepPlan plan) {
      for (var chunk : plan.chunks()) {
        computed = chunk.start() + chunk.tokens().length;
        blocks = chunk.blocks().blocks();
      }
    }

    @Override
    public void sequencePreempted(long sequence) {
      lines.add(sequence + " preempted");
    }

    @Override
    public void sequenceEnded(long sequence) {
      lines.add(sequence + " ended");
    }
  }

  private static List<Integer> tokens(Listener listener) {
    return listener.events().stream()
        .filter(GenerationEvent.Token.class::isInstance)
        .map(event -> ((GenerationEvent.Token) event).id())
        .toList();
  }

  @Test
  void anObserverThatThrowsDisturbsNobody() throws InterruptedException {
    observer.broken = true;
    var listener = new Listener();
    accepted(loop.submit(request(4, 4, 0), listener));

    assertThat(listener.end()).isEqualTo(new Finished(FinishReason.LENGTH, 4, 4, 0));
  }

  @Test
  void aRequestWhoseTimeoutPassesEndsAndFreesEverything() throws InterruptedException {
    before.set(_ -> pause());
    var late = new Listener();
    var patient = new Listener();
    accepted(loop.submit(request(4, 90, 0).withTimeout(Duration.ofNanos(1)), late));
    accepted(loop.submit(request(4, 9, 0).withTimeout(Duration.ofDays(1000)), patient));

    assertThat(((Finished) late.end()).reason()).isEqualTo(FinishReason.DEADLINE);
    assertThat(((Finished) patient.end()).reason()).isEqualTo(FinishReason.LENGTH);
    await(() -> loop.status().blocksInUse() == 0);
  }

  /// Writes down what it sees.
  private static final class Diary implements EngineObserver {
    final List<String> lines = Collections.synchronizedList(new ArrayList<>());
    final List<Long> times = Collections.synchronizedList(new ArrayList<>());
    volatile boolean broken;

    private void note(long at, String line) {
      if (broken) {
        throw new IllegalStateException("the pen is empty");
      }
      times.add(at);
      lines.add(line);
    }

    @Override
    public void queued(long sequence, GenerationRequest request, long at) {
      note(at, "queued " + sequence);
    }

    @Override
    public void started(long sequence, GenerationRequest request, int cachedTokens, long at) {
      note(at, "started %d, %d cached".formatted(sequence, cachedTokens));
    }

    @Override
    public void preempted(long sequence, GenerationRequest request, boolean swapped, long at) {
      note(at, "preempted " + sequence);
    }

    @Override
    public void resumed(long sequence, GenerationRequest request, long at) {
      note(at, "resumed " + sequence);
    }

    @Override
    public void token(long sequence, GenerationRequest request, int generated, long at) {
      note(at, "token %d of %d".formatted(generated, sequence));
    }

    @Override
    public void ended(long sequence, GenerationRequest request, GenerationEvent end, long at) {
      note(
          at,
          "ended %d %s"
              .formatted(sequence, end instanceof Finished(var why, _, _, _) ? why : "failed"));
    }

    @Override
    public void step(StepPlan plan, boolean failed, long begin, long end) {
      note(end, "step of " + plan.tokens());
    }
  }

  @Test
  void aStepThatDoesNotEndIsUnhealthy() throws InterruptedException {
    loop.close();
    loop =
        start(
            new StepLoopConfig(
                Duration.ofMillis(800), Duration.ofMinutes(1), Duration.ofSeconds(20), false));
    var gate = new CountDownLatch(1);
    before.set(_ -> await(gate));
    var listener = new Listener();
    accepted(loop.submit(request(4, 1, 0), listener));

    await(() -> !loop.status().healthy());
    assertThat(loop.status().problem()).startsWith("the step loop has not moved for");

    gate.countDown();
    listener.end();
    await(() -> loop.status().healthy());
  }

  @Test
  void closingTellsWhetherAStepStillRuns() throws InterruptedException {
    loop.close();
    assertThat(loop.hasEnded()).isTrue();
    loop =
        start(
            new StepLoopConfig(
                Duration.ofMinutes(1), Duration.ofMinutes(1), Duration.ofMillis(20), false));
    var gate = new CountDownLatch(1);
    var computing = new CountDownLatch(1);
    before.set(
        _ -> {
          computing.countDown();
          await(gate);
        });
    accepted(loop.submit(request(4, 1, 0), new Listener()));
    computing.await();

    loop.close();
    assertThat(loop.hasEnded()).isFalse();

    gate.countDown();
    await(loop::hasEnded);
  }

  @Test
  void anIdleLoopChecksItselfWithAStep() throws InterruptedException {
    loop.close();
    var checks = new Semaphore(0);
    before.set(plan -> checks.release(plan.number() == 0 ? 1 : 0));

    loop =
        start(
            new StepLoopConfig(
                Duration.ofMinutes(1), Duration.ofMillis(1), Duration.ofSeconds(20), false));

    assertThat(checks.tryAcquire(2, 20, TimeUnit.SECONDS)).isTrue();
    assertThat(loop.status().healthy()).isTrue();
    assertThat(loop.status().steps()).isZero();
  }

  @Test
  void drainingLetsWhatWasAcceptedEnd() throws InterruptedException {
    var listeners = new ArrayList<Listener>();
    for (int i = 0; i < 40; i++) {
      listeners.add(new Listener());
      accepted(loop.submit(request(20, 20, i), listeners.get(i)));
    }

    assertThat(loop.drain(Duration.ofSeconds(20))).isTrue();

    for (var listener : listeners) {
      assertThat(listener.end()).isEqualTo(new Finished(FinishReason.LENGTH, 20, 20, 0));
    }
    assertThat(loop.submit(request(1, 1, 0), new Listener()))
        .isEqualTo(new Outcome.Busy("the engine is closing"));
  }

  @Test
  void closingCancelsWhatRunsAndWaits() throws InterruptedException {
    before.set(_ -> pause());
    var listeners = new ArrayList<Listener>();
    for (int i = 0; i < 40; i++) {
      listeners.add(new Listener());
      accepted(loop.submit(request(20, 79, i), listeners.get(i)));
    }
    assertThat(loop.drain(Duration.ofMillis(30))).isFalse();

    loop.close();

    for (var listener : listeners) {
      assertThat(((Finished) listener.end()).reason()).isEqualTo(FinishReason.CANCELLED);
    }
  }

  @Test
  void aListenerMayCloseTheLoop() throws InterruptedException {
    var ended = new Listener();
    accepted(
        loop.submit(
            request(4, 50, 0),
            event -> {
              ended.accept(event);
              if (event instanceof GenerationEvent.Token) {
                loop.close();
              }
            }));

    assertThat(((Finished) ended.end()).reason()).isEqualTo(FinishReason.CANCELLED);
    assertThat(ended.tokens()).hasSize(1);
  }

  private static GenerationRequest request(int prompt, int maxTokens, long seed) {
    var ids = new SplittableRandom(seed).ints(prompt, 0, PretendComputer.VOCABULARY).toArray();
    return GenerationRequest.of("r", ids, Sampling.GREEDY, seed, maxTokens);
  }

  private static void get(Future<?> client) throws InterruptedException {
    try {
      client.get();
    } catch (ExecutionException e) {
      throw new AssertionError(e.getCause());
    }
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private static void pause() {
    try {
      Thread.sleep(2);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private static void await(BooleanSupplier condition) throws InterruptedException {
    while (!condition.getAsBoolean()) {
      Thread.sleep(1); // The class's time-out ends it.
    }
  }
}
