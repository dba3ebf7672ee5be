package io.dejavu.local;

import io.dejavu.engine.Admission;
import io.dejavu.engine.ChunkResult;
import io.dejavu.engine.Engine;
import io.dejavu.engine.EngineConfig;
import io.dejavu.engine.EngineObserver;
import io.dejavu.engine.GenerationEvent;
import io.dejavu.engine.GenerationRequest;
import io.dejavu.engine.SchedulingConfig;
import io.dejavu.engine.StepCommand;
import io.dejavu.engine.StepEvent;
import io.dejavu.engine.StepPlan;
import io.dejavu.engine.StepPlanner;
import io.dejavu.engine.Tier;
import io.dejavu.kv.BlockPool;
import io.dejavu.kv.BlockTable;
import io.dejavu.local.Inbox.Message;
import io.dejavu.tensor.SampleRow;
import io.dejavu.tensor.Sampling;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Runs one pipeline: tells the {@link StepPlanner} what happens and does what it decides.
///
/// All of that in one thread, `step-loop`, which owns the planner, the pool and the model. Others
/// put messages into its inbox and are called back by it.
public final class StepLoop implements Engine {
  private static final System.Logger LOG = System.getLogger(StepLoop.class.getName());

  /// How long a loop waits for disks before it looks what is late.
  private static final Duration GLANCE = Duration.ofMillis(20);

  /// So long may the disk take when the loop starts, and when it ends.
  private static final Duration FLUSH = Duration.ofSeconds(2);

  /// How often an idle loop shows that it is alive.
  private static final Duration HEARTBEAT = Duration.ofMillis(500);

  private final StepLoopConfig config;
  private final Admission admission;
  private final Inbox inbox;
  private final Thread thread;

  // Touched by the loop's thread only.
  private final Computer computer;
  private final BlockPool pool;
  private final int blockTokens;
  private final StepPlanner planner;
  private final Measuring measuring;
  private final Audience audience;
  private final StepListener listener;
  private final ArrayDeque<Long> deaf = new ArrayDeque<>();
  // Whether the planner had something to do when last asked.
  private boolean active;
  private boolean draining;
  private boolean stopping;
  private long lastStep = System.nanoTime();

  // Written by the loop's thread, read by all.
  private volatile Counts counts;
  private volatile String problem = "";

  /// What computes a step: a model and the memory of its keys and values.
  interface Computer extends AutoCloseable {
    /// Computes the step and waits for it.
    ///
    /// @return one result per chunk
    List<ChunkResult> run(StepPlan plan);

    /// Copies what `blocks` of a sequence hold to host memory.
    void swapOut(long sequence, int[] blocks);

    /// Copies them back, to as many blocks, and forgets the copy, even if it throws.
    void swapIn(long sequence, int[] blocks);

    /// Forgets the copy of a sequence.
    void dropSwapped(long sequence);

    /// What there is behind the prefix cache.
    CacheStore tiers();

    @Override
    void close();
  }

  private record Counts(long turnedAt, Status status) {}

  private StepLoop(
      Computer computer,
      EngineConfig engineConfig,
      StepLoopConfig config,
      Admission admission,
      BlockPool pool,
      SchedulingConfig scheduling,
      EngineObserver observer,
      StepListener listener) {
    this.computer = computer;
    this.config = config;
    this.admission = admission;
    this.pool = pool;
    this.blockTokens = scheduling.blockTokens();
    this.inbox = new Inbox(engineConfig.maxLive());
    this.audience = new Audience(observer, inbox::ended);
    this.listener = listener;
    this.planner = new StepPlanner(engineConfig, admission, pool, scheduling);
    this.measuring = new Measuring(planner, computer, pool, scheduling, engineConfig, config);
    this.counts = new Counts(lastStep, planner.status());
    this.thread = Thread.ofPlatform().name("step-loop").daemon().unstarted(this::run);
  }

  /// Starts a loop.
  ///
  /// @param pipeline opened for `engineConfig`; used and closed by the loop's thread from now on;
  ///   its kernels are to be closed after the loop
  /// @param observer sees what becomes of requests and steps
  public static StepLoop open(
      LocalPipeline pipeline,
      EngineConfig engineConfig,
      StepLoopConfig config,
      EngineObserver observer) {
    return open(pipeline, engineConfig, config, observer, StepListener.NONE);
  }

  /// Starts a loop.
  ///
  /// @param pipeline opened for `engineConfig`; used and closed by the loop's thread from now on;
  ///   its kernels are to be closed after the loop
  /// @param observer sees what becomes of requests and steps
  /// @param listener follows where keys and values are
  public static StepLoop open(
      LocalPipeline pipeline,
      EngineConfig engineConfig,
      StepLoopConfig config,
      EngineObserver observer,
      StepListener listener) {
    return open(pipeline, engineConfig, config, observer, listener, _ -> {});
  }

  /// Starts a loop with sequences whose keys and values are in the pipeline's memory.
  ///
  /// @param pipeline opened for `engineConfig`; used and closed by the loop's thread from now on;
  ///   its kernels are to be closed after the loop
  /// @param observer sees what becomes of requests and steps
  /// @param listener follows where keys and values are
  /// @param first called at once: what it adopts has its blocks before anything else uses any
  public static StepLoop open(
      LocalPipeline pipeline,
      EngineConfig engineConfig,
      StepLoopConfig config,
      EngineObserver observer,
      StepListener listener,
      Consumer<StepLoop> first) {
    var loop =
        new StepLoop(
            pipeline,
            engineConfig,
            config,
            pipeline.admission(),
            new BlockPool(pipeline.layout().blocks()),
            pipeline.scheduling(),
            observer,
            listener);
    first.accept(loop);
    loop.thread.start();
    return loop;
  }

  /// Starts a loop.
  ///
  /// @param computer used and closed by the loop's thread
  static StepLoop start(
      Computer computer,
      EngineConfig engineConfig,
      StepLoopConfig config,
      Admission admission,
      BlockPool pool,
      SchedulingConfig scheduling,
      EngineObserver observer,
      StepListener listener) {
    var loop =
        new StepLoop(
            computer, engineConfig, config, admission, pool, scheduling, observer, listener);
    loop.thread.start();
    return loop;
  }

  @Override
  public int maxContext() {
    return admission.maxContext();
  }

  @Override
  public Outcome submit(GenerationRequest request, Consumer<GenerationEvent> listener) {
    var refusal = admission.refusal(request);
    return refusal.isPresent()
        ? new Outcome.Refused(refusal.get())
        : inbox.submit(request, listener);
  }

  /// Goes on with a request that another loop began, whose keys and values are in `blocks` of this
  /// pipeline's memory already. If they cannot be used, it is computed again: its tokens are the
  /// same.
  ///
  /// @param generated its tokens after the prompt so far
  /// @param computed so many of its tokens have their keys and values in `blocks`
  /// @param blocks in the order of its tokens
  /// @param listener called as with {@link #submit}, from the next token on
  public Outcome adopt(
      GenerationRequest request,
      int[] generated,
      int computed,
      int[] blocks,
      Consumer<GenerationEvent> listener) {
    if (computed < 0) {
      throw new IllegalArgumentException("%d tokens computed".formatted(computed));
    }
    var refusal = admission.refusal(request, generated);
    return refusal.isPresent()
        ? new Outcome.Refused(refusal.get())
        : inbox.adopt(request, generated, computed, blocks, listener);
  }

  @Override
  public Status status() {
    var now = counts;
    int live = inbox.live();
    var trouble = problem;
    var silent = Duration.ofNanos(System.nanoTime() - now.turnedAt);
    if (trouble.isEmpty() && !thread.isAlive()) {
      trouble = "the engine is closed";
    } else if (trouble.isEmpty() && silent.compareTo(config.stallAfter()) > 0) {
      trouble = "the step loop has not moved for %d ms".formatted(silent.toMillis());
    }
    return now.status.withProblem(trouble).withWaiting(Math.max(0, live - now.status.running()));
  }

  /// Stops accepting and lets what was accepted end by itself.
  ///
  /// @return whether all of it has ended within `patience`; if not, it goes on
  public boolean drain(Duration patience) throws InterruptedException {
    inbox.shut("the engine is closing", new Message.Drain());
    return thread.join(patience);
  }

  @Override
  public void close() {
    inbox.shut("the engine is closing", new Message.Stop());
    if (Thread.currentThread().equals(thread)) {
      return; // A listener closes the loop, which ends after this step.
    }
    try {
      if (!thread.join(config.closeWithin())) {
        LOG.log(
            Level.ERROR,
            "step {0} did not end within {1}; what it uses is not freed",
            counts.status.steps(),
            config.closeWithin());
      }
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
  }

  /// Whether the loop's thread is gone, and what it used may be freed. After {@link #close} it is,
  /// unless a step takes too long.
  public boolean hasEnded() {
    return !thread.isAlive();
  }

  private void run() {
    try (computer) {
      hear(inbox.poll());
      measuring.tryCopies();
      openTiers();
      while (!(draining && isIdle())) {
        listen();
        if (stopping) {
          break;
        }
        var commands = planner.on(new StepEvent.Ready());
        active = !commands.isEmpty();
        perform(commands);
        if (isIdle()) {
          measureStep();
          checkMyself();
        }
      }
      cancelAll();
      flush();
    } catch (InterruptedException e) {
      failAll("the step loop was interrupted", e);
    } catch (RuntimeException | Error e) {
      // The planner or this loop has a bug: nothing of their state can be trusted.
      failAll("the step loop ended at step %d: %s".formatted(planner.steps(), e), e);
    }
  }

  private boolean isIdle() {
    return planner.running() == 0 && planner.waiting() == 0;
  }

  /// Takes all messages there are; waits for one if there is nothing else to do.
  private void listen() throws InterruptedException {
    boolean busy = active || !isIdle() || measuring.wantsStep();
    boolean waits = computer.tiers().isLoading() && !active;
    hear(waits ? inbox.poll(GLANCE) : busy ? inbox.poll() : inbox.poll(HEARTBEAT));
    pollTiers();
    for (var late = audience.expired(System.nanoTime());
        late.isPresent();
        late = audience.expired(System.nanoTime())) {
      perform(planner.on(new StepEvent.Expired(late.getAsLong())));
    }
  }

  /// Does what a message asks, and all that came after it.
  private void hear(@Nullable Message first) {
    var next = first;
    while (next != null) {
      switch (next) {
        case Message.Submit(var live) -> {
          begin(live);
          perform(planner.on(new StepEvent.Submitted(live.sequence, live.request)));
        }
        case Message.Adopt(var live, var generated, var computed, var blocks) -> {
          begin(live);
          perform(
              planner.on(
                  new StepEvent.Adopted(live.sequence, live.request, generated, computed, blocks)));
        }
        case Message.Cancel(var sequence) -> perform(planner.on(new StepEvent.Cancelled(sequence)));
        case Message.Nudge _ -> inbox.nudgeSeen();
        case Message.Drain _ -> draining = true;
        case Message.Stop _ -> stopping = true;
      }
      next = inbox.poll();
    }
  }

  private void begin(LiveRequest live) {
    audience.add(live);
    listener.sequenceBegins(live.sequence, live.request);
  }

  private void perform(List<StepCommand> commands) {
    count(); // Whoever is told that a request ended finds its blocks free.
    for (var command : commands) {
      switch (command) {
        case StepCommand.RunStep(var plan) -> step(plan);
        case StepCommand.SwapOut(var sequence, var blocks) -> swapOut(sequence, blocks);
        case StepCommand.SwapIn(var sequence, var blocks) ->
            perform(planner.on(swapIn(sequence, blocks)));
        case StepCommand.Spill spill -> spill(spill);
        case StepCommand.Store store ->
            computer.tiers().store(store, measuring.pace().prefillTokensPerSecond());
        case StepCommand.Load load -> {
          computer.tiers().load(load, System.nanoTime(), measuring.pace());
          pollTiers();
        }
        case StepCommand.DropSwapped(var sequence) -> computer.dropSwapped(sequence);
        case StepCommand.Recompute(var sequence) -> {
          listener.sequencePreempted(sequence);
          audience.preempted(sequence, false);
        }
        case StepCommand.Emit(var sequence, var event) -> {
          if (event.isLast()) {
            listener.sequenceEnded(sequence);
          }
          if (!audience.tell(sequence, event)) {
            deaf.add(sequence);
          }
        }
      }
    }
    while (!deaf.isEmpty()) {
      perform(planner.on(new StepEvent.Cancelled(deaf.remove())));
    }
  }

  private void step(StepPlan plan) {
    var outcome = compute(plan);
    var commands = planner.on(outcome);
    if (outcome instanceof StepEvent.StepDone) {
      listener.stepDone(planner.afterwards(plan));
    }
    perform(commands);
  }

  private void swapOut(long sequence, int[] blocks) {
    listener.sequencePreempted(sequence);
    long begin = System.nanoTime();
    try {
      computer.swapOut(sequence, blocks);
      measuring.copied(blocks.length, begin);
      audience.preempted(sequence, true);
    } catch (RuntimeException | Error e) {
      LOG.log(Level.WARNING, "sequence %d is computed again, not swapped".formatted(sequence), e);
      perform(planner.on(new StepEvent.SwapFailed(sequence)));
    }
  }

  private void spill(StepCommand.Spill spill) {
    try {
      computer.tiers().spill(spill);
    } catch (RuntimeException | Error e) {
      LOG.log(Level.WARNING, "a block is not kept in host memory", e);
      perform(planner.on(new StepEvent.Lost(Tier.HOST, spill.content())));
    }
  }

  private void pollTiers() {
    arrive(computer.tiers().poll(System.nanoTime(), measuring.pace()));
  }

  /// Something has come of copies behind the prefix cache.
  private void arrive(List<StepEvent> events) {
    for (var event : events) {
      perform(planner.on(event));
    }
    if (!events.isEmpty()) {
      measuring.tell();
    }
  }

  private StepEvent swapIn(long sequence, int[] blocks) {
    long begin = System.nanoTime();
    try {
      computer.swapIn(sequence, blocks);
      measuring.copied(blocks.length, begin);
      return new StepEvent.SwappedIn(sequence);
    } catch (RuntimeException | Error e) {
      LOG.log(Level.WARNING, "sequence %d did not come back from the host".formatted(sequence), e);
      return new StepEvent.SwapFailed(sequence);
    }
  }

  /// The first request should find what there is on disk; more than a moment it does not wait.
  private void openTiers() throws InterruptedException {
    var tiers = computer.tiers();
    tiers.onArrival(inbox::nudge);
    long deadline = System.nanoTime() + FLUSH.toNanos();
    pollTiers();
    while (!tiers.isKnown() && System.nanoTime() - deadline < 0) {
      Thread.sleep(1);
      pollTiers();
    }
  }

  private void measureStep() {
    if (!measuring.wantsStep()) {
      return;
    }
    try {
      measuring.tryStep();
    } catch (RuntimeException | Error e) {
      report("a step that was to be measured failed: " + e, e);
    } finally {
      lastStep = System.nanoTime();
    }
  }

  private StepEvent compute(StepPlan plan) {
    long begin = System.nanoTime();
    audience.begin(plan, begin);
    boolean failed = true;
    try {
      var results = computer.run(plan);
      problem = "";
      failed = false;
      measuring.computed(plan, begin);
      return new StepEvent.StepDone(results);
    } catch (RuntimeException | Error e) {
      var why =
          "step %d of %d tokens of %d sequences failed: %s"
              .formatted(plan.number(), plan.tokens(), plan.chunks().size(), e);
      report(why, e);
      return new StepEvent.StepFailed(why);
    } finally {
      lastStep = System.nanoTime();
      audience.end(plan, failed, begin, lastStep);
    }
  }

  /// While nothing is to do: proves now and then, or as long as something is wrong, that a step
  /// still gives a token and that no block is lost.
  private void checkMyself() {
    boolean due = System.nanoTime() - lastStep > config.selfCheckEvery().toNanos();
    if (problem.isEmpty() && !due) {
      return;
    }
    try (var lease = pool.lend(1)) {
      pool.check();
      var blocks = new BlockTable(blockTokens, lease.blocks());
      var draw = new SampleRow(Sampling.GREEDY, 0, 1, new int[0], 0, new int[0]);
      var one = new StepPlan.Chunk(-1, new int[1], 0, blocks, draw, -1, new int[0], 0);
      int token = computer.run(new StepPlan(0, List.of(one))).getFirst().token();
      problem = token < 0 ? "the model computes NaN" : "";
    } catch (RuntimeException | Error e) {
      report("the self-check failed: " + e, e);
    } finally {
      lastStep = System.nanoTime();
    }
  }

  private void report(String trouble, Throwable cause) {
    if (!trouble.equals(problem)) {
      LOG.log(Level.ERROR, trouble, cause);
    }
    problem = trouble;
  }

  private void count() {
    counts = new Counts(System.nanoTime(), planner.status());
  }

  private void cancelAll() {
    for (long sequence : audience.sequences()) {
      perform(planner.on(new StepEvent.Cancelled(sequence)));
    }
    arrive(computer.tiers().giveUp());
    if (pool.inUse() > 0) {
      LOG.log(Level.ERROR, "{0} KV blocks leaked", pool.inUse());
    }
    count();
  }

  /// What was computed and is not on disk yet goes there, as long as that does not take long.
  private void flush() throws InterruptedException {
    long deadline = System.nanoTime() + FLUSH.toNanos();
    while (planner.unstored() > 0 && System.nanoTime() - deadline < 0) {
      var commands = planner.on(new StepEvent.Ready());
      perform(commands);
      var next = commands.isEmpty() ? inbox.poll(GLANCE) : inbox.poll();
      if (next instanceof Message.Nudge) {
        inbox.nudgeSeen();
      }
      pollTiers();
    }
    count();
  }

  /// Tells everybody, those in the inbox as well, and leaves the planner alone.
  private void failAll(String why, Throwable cause) {
    report(why, cause);
    inbox.shut(why, new Message.Stop());
    for (var next = inbox.poll(); next != null; next = inbox.poll()) {
      switch (next) {
        case Message.Submit(var live) -> audience.add(live);
        case Message.Adopt(var live, _, _, _) -> audience.add(live);
        case Message.Cancel _, Message.Nudge _, Message.Drain _, Message.Stop _ -> {}
      }
    }
    for (long sequence : audience.sequences()) {
      audience.tell(sequence, new GenerationEvent.Failed(why));
    }
  }
}
