package io.dejavu.engine;

import io.dejavu.engine.Sequence.Place;
import io.dejavu.kv.BlockPool;
import io.dejavu.kv.KvLayout;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/// Decides what a pipeline computes next: continuous batching. Performs nothing; the same events in
/// the same order give the same commands.
///
/// A step takes one token of every sequence that is being generated; what is left of its token
/// budget goes to prompts, cut into chunks where they do not fit (Dynamic SplitFuse; Holmes et al.
/// 2024, DeepSpeed-FastGen, §3). Who is admitted next is {@link FairQueue}'s business, whether
/// there is memory for it {@link BatchMemory}'s.
///
/// A token counts when its step is done. Blocks of a sequence that ends go back at once, or after
/// the step that still writes to them. After a step that failed, its sequences are computed one at
/// a time, until it is known which of them cannot be.
///
/// Longer than most: it is the one place where all that is decided about a step meets.
public final class StepPlanner {
  private final EngineConfig config;
  private final Admission admission;
  private final BlockPool pool;
  private final BatchMemory memory;

  private final FairQueue waiting = new FairQueue();
  // They wait for memory to go on, and go before all that wait for a place.
  private final TreeSet<Sequence> preempted = new TreeSet<>(Sequence.SENIORITY);
  // The most senior first: in need of memory, the last gives its own.
  private final TreeSet<Sequence> running = new TreeSet<>(Sequence.SENIORITY);
  // Were in a step that failed, and in none since.
  private final LinkedHashSet<Sequence> suspects = new LinkedHashSet<>();
  // Waiting, preempted, running, and those that ended while something was under way for them.
  private final Map<Long, Sequence> live = new HashMap<>();
  private @Nullable StepPlan underWay;

  private int stepTokens;
  private int lastBatch;
  private long steps;
  private long promptTokens;
  private long generatedTokens;

  /// @param pool of blocks, not used by anyone else
  /// @throws IllegalArgumentException if one sequence may need more blocks than there are
  public StepPlanner(
      EngineConfig config, Admission admission, BlockPool pool, SchedulingConfig scheduling) {
    if (KvLayout.blocksFor(admission.maxContext(), scheduling.blockTokens()) > pool.blocks()) {
      throw new IllegalArgumentException(
          "%d blocks of %d tokens do not hold a context of %d tokens"
              .formatted(pool.blocks(), scheduling.blockTokens(), admission.maxContext()));
    }
    this.config = config;
    this.admission = admission;
    this.pool = pool;
    this.memory = new BatchMemory(pool, scheduling);
    stepTokens = config.stepTokens();
  }

  /// Decides what follows from `event`.
  ///
  /// @throws IllegalStateException if the event cannot be: a doer is broken
  public List<StepCommand> on(StepEvent event) {
    return switch (event) {
      case StepEvent.Submitted(var number, var request) -> submitted(number, request);
      case StepEvent.Adopted adopted -> adopted(adopted);
      case StepEvent.Cancelled(var number) -> ended(number, FinishReason.CANCELLED);
      case StepEvent.Expired(var number) -> ended(number, FinishReason.DEADLINE);
      case StepEvent.SwappedIn(var number) -> swappedIn(number);
      case StepEvent.SwapFailed(var number) -> swapFailed(number);
      case StepEvent.Found(var blocks) -> {
        memory.tiers().found(blocks);
        yield List.of();
      }
      case StepEvent.Stored stored -> {
        memory.tiers().stored(stored);
        yield List.of();
      }
      case StepEvent.Loaded(var number, var blocks) -> loaded(number, blocks);
      case StepEvent.Lost(var tier, var content) -> {
        memory.tiers().lost(tier, content);
        yield List.of();
      }
      case StepEvent.Measured(var costs) -> {
        memory.costs(costs);
        yield List.of();
      }
      case StepEvent.Budget(var tokens) -> {
        stepTokens = Math.clamp(tokens, config.maxRunning(), config.stepTokens());
        yield List.of();
      }
      case StepEvent.Ready _ -> ready();
      case StepEvent.StepDone(var results) -> stepDone(results);
      case StepEvent.StepFailed(var why) -> stepFailed(why);
    };
  }

  /// What there is to see, as if all were well: whoever runs the planner knows better.
  public Engine.Status status() {
    return new Engine.Status(
        true,
        "",
        running(),
        waiting(),
        memory.onHost(),
        pool.inUse(),
        pool.cached(),
        pool.blocks(),
        blocksLeaked(),
        lastBatch,
        memory.totals(steps, promptTokens, generatedTokens));
  }

  /// Sequences in the current batch.
  public int running() {
    return running.size();
  }

  /// Sequences that wait for blocks or a place.
  public int waiting() {
    return waiting.size() + preempted.size();
  }

  /// Steps planned since the start.
  public long steps() {
    return steps;
  }

  /// Blocks that are still to be written to disk, or are being written.
  public int unstored() {
    return memory.tiers().unstored();
  }

  /// Blocks that nobody alive has: 0, or a bug.
  public int blocksLeaked() {
    return pool.leaked(live.keySet());
  }

  /// Counts all over again what is behind the pool.
  ///
  /// @throws IllegalStateException if something is in two places or in none
  void check() {
    memory.tiers().check();
  }

  /// A plan whose step is done, with the blocks that its sequences have now: two sequences that
  /// have computed the same share one block since. Those that have ended keep what they had.
  public StepPlan afterwards(StepPlan plan) {
    return new StepPlan(
        plan.number(),
        plan.chunks().stream()
            .map(
                chunk -> {
                  var sequence = live.get(chunk.sequence());
                  return sequence == null ? chunk : chunk.withBlocks(sequence.blocks());
                })
            .toList());
  }

  private List<StepCommand> submitted(long number, GenerationRequest request) {
    var sequence = accept(number, request, new int[0]);
    waiting.add(sequence);
    return sequence
        .begin()
        .map(why -> end(sequence, new GenerationEvent.Failed(why)))
        .orElse(List.of());
  }

  private Sequence accept(long number, GenerationRequest request, int[] generated) {
    admission
        .refusal(request, generated)
        .ifPresent(
            why -> {
              throw new IllegalStateException("%s was submitted: %s".formatted(request.id(), why));
            });
    var sequence = new Sequence(number, request, admission);
    if (live.putIfAbsent(number, sequence) != null) {
      throw new IllegalStateException("sequence %d was submitted before".formatted(number));
    }
    return sequence;
  }

  private List<StepCommand> adopted(StepEvent.Adopted adopted) {
    long number = adopted.sequence();
    var sequence = accept(number, adopted.request(), adopted.generated());
    var refusal = sequence.goOn(adopted.generated(), adopted.computed());
    var ending = sequence.ending();
    if (ending.isPresent()) {
      return end(sequence, sequence.finished(ending.get()));
    }
    if (refusal.isPresent()) {
      return end(sequence, new GenerationEvent.Failed(refusal.get()));
    }
    preempted.add(sequence);
    if (memory.adopt(sequence, adopted.blocks())) {
      return List.of();
    }
    sequence.startOver();
    return List.of(new StepCommand.Recompute(number));
  }

  private List<StepCommand> ended(long number, FinishReason reason) {
    var sequence = live.get(number);
    if (sequence == null || sequence.isOver()) {
      return List.of();
    }
    return end(sequence, sequence.finished(reason));
  }

  private List<StepCommand> ready() {
    if (underWay != null) {
      throw new IllegalStateException("step %d is still under way".formatted(underWay.number()));
    }
    var commands = new ArrayList<StepCommand>();
    memory.tiers().begin();
    var able = makeRoom(commands);
    if (commands.isEmpty()) {
      resume(commands);
    }
    var chunks = chunks(able, commands);
    int tokens = chunks.stream().mapToInt(chunk -> chunk.tokens().length).sum();
    // Their blocks are written to by what comes after.
    commands.addAll(0, memory.tiers().finish(tokens));
    if (!chunks.isEmpty()) {
      underWay = new StepPlan(++steps, chunks);
      lastBatch = chunks.size();
      commands.add(new StepCommand.RunStep(underWay));
    }
    return commands;
  }

  /// Sees that each sequence of the batch has memory for its next token, the most senior first. Who
  /// has the least seniority gives up its own where it is wanted.
  ///
  /// @return those that can go on
  private List<Sequence> makeRoom(List<StepCommand> commands) {
    var able = new ArrayList<Sequence>();
    for (var sequence : List.copyOf(running)) {
      if (sequence.place != Place.BATCH) {
        continue; // It is not back yet, or lost its place to one before it.
      }
      boolean fits = memory.grow(sequence, sequence.computed() + 1);
      while (!fits) {
        var victim = leastSenior();
        if (victim.equals(sequence) && able.isEmpty() && lastReady() == null) {
          break; // What returns from the host has the memory: it goes on after that.
        }
        commands.add(memory.takeFrom(victim));
        running.remove(victim);
        preempted.add(victim);
        if (victim.equals(sequence)) {
          break;
        }
        fits = memory.grow(sequence, sequence.computed() + 1);
      }
      if (fits) {
        able.add(sequence);
      }
    }
    return able;
  }

  /// Who gives its memory first: in the batch, or adopted and waiting.
  private Sequence leastSenior() {
    var ready = lastReady();
    for (var sequence : running.descendingSet()) {
      if (sequence.place == Place.BATCH) {
        return ready != null && Sequence.SENIORITY.compare(ready, sequence) > 0 ? ready : sequence;
      }
    }
    throw new IllegalStateException(
        "none of %d sequences is in the batch".formatted(running.size()));
  }

  private @Nullable Sequence lastReady() {
    for (var sequence : preempted.descendingSet()) {
      if (sequence.place == Place.READY) {
        return sequence;
      }
    }
    return null;
  }

  /// Lets preempted and adopted sequences go on, if there is room for them.
  private void resume(List<StepCommand> commands) {
    while (!preempted.isEmpty() && running.size() < config.maxRunning()) {
      var sequence = preempted.first();
      while (!memory.hasRoom(running, sequence)) {
        var ready = lastReady();
        if (!running.isEmpty() || ready == null || ready.equals(sequence)) {
          return;
        }
        commands.add(memory.takeFrom(ready)); // Else none could go on.
      }
      preempted.removeFirst();
      switch (sequence.place) {
        case HOST -> commands.add(memory.takeBack(sequence));
        case READY -> sequence.place = Place.BATCH;
        case QUEUE, BATCH, RETURNING, LOADING -> memory.admit(sequence, commands);
      }
      running.add(sequence);
    }
  }

  private List<StepPlan.Chunk> chunks(List<Sequence> able, List<StepCommand> commands) {
    var chunks = new ArrayList<StepPlan.Chunk>();
    for (var suspect : suspects) {
      if (able.contains(suspect)) {
        addChunk(chunks, suspect, stepTokens);
        return chunks; // Alone.
      }
    }
    int budget = stepTokens;
    var generated = new HashSet<Sequence>();
    for (var sequence : able) {
      if (sequence.remaining() == 1) {
        budget -= addChunk(chunks, sequence, 1);
        generated.add(sequence);
      }
    }
    for (var sequence : running) {
      if (budget > 0 && sequence.place == Place.BATCH && !generated.contains(sequence)) {
        budget -= addChunk(chunks, sequence, budget);
      }
    }
    while (budget > 0 && preempted.isEmpty() && running.size() < config.maxRunning()) {
      var sequence = waiting.next(memory::isWorthStarting);
      if (sequence == null || !memory.hasRoom(running, sequence)) {
        break; // Nobody overtakes who is next, so nobody starves.
      }
      waiting.take(sequence);
      waiting.charge(sequence, sequence.length() - memory.admit(sequence, commands));
      running.add(sequence);
      if (sequence.place == Place.BATCH) {
        budget -= addChunk(chunks, sequence, budget);
      }
    }
    return chunks;
  }

  private int addChunk(List<StepPlan.Chunk> chunks, Sequence sequence, int budget) {
    int count = Math.min(sequence.remaining(), budget);
    while (!memory.grow(sequence, sequence.computed() + count)) {
      count = memory.fitting(sequence, count);
      if (count == 0) {
        return 0;
      }
    }
    chunks.add(sequence.chunk(count));
    return count;
  }

  private static boolean isIn(List<StepPlan.Chunk> chunks, Sequence sequence) {
    return chunks.stream().anyMatch(chunk -> chunk.sequence() == sequence.number);
  }

  private List<StepCommand> swappedIn(long number) {
    var sequence = returning(number);
    if (sequence.isOver()) {
      forget(sequence);
    } else {
      sequence.place = Place.BATCH;
      memory.publish(sequence);
    }
    return List.of();
  }

  private List<StepCommand> swapFailed(long number) {
    var sequence = live.get(number);
    if (sequence == null || sequence.place == Place.QUEUE || sequence.place == Place.BATCH) {
      return List.of(); // It has ended.
    }
    if (sequence.isOver()) {
      forget(sequence);
      return List.of();
    }
    memory.lose(sequence);
    running.remove(sequence);
    preempted.add(sequence);
    return List.of(new StepCommand.Recompute(number));
  }

  private List<StepCommand> loaded(long number, int blocks) {
    var sequence = live.get(number);
    if (sequence == null || sequence.place != Place.LOADING || blocks > sequence.loading.size()) {
      throw new IllegalStateException(
          "%d blocks came for sequence %d, which waits for none".formatted(blocks, number));
    }
    if (sequence.isOver()) {
      memory.loadedInVain(sequence);
      forget(sequence);
    } else {
      memory.loaded(sequence, blocks);
    }
    return List.of();
  }

  private Sequence returning(long number) {
    var sequence = live.get(number);
    if (sequence == null || sequence.place != Place.RETURNING) {
      throw new IllegalStateException("sequence %d is not on its way back".formatted(number));
    }
    return sequence;
  }

  private List<StepCommand> stepDone(List<ChunkResult> results) {
    var plan = takeUnderWay();
    if (results.size() != plan.chunks().size()) {
      throw new IllegalStateException(
          "step %d has %d chunks and %d results"
              .formatted(plan.number(), plan.chunks().size(), results.size()));
    }
    var commands = new ArrayList<StepCommand>();
    for (int i = 0; i < results.size(); i++) {
      var chunk = plan.chunks().get(i);
      var sequence = sequenceOf(chunk);
      suspects.remove(sequence);
      if (sequence.isOver()) {
        forget(sequence);
      } else {
        commit(sequence, chunk, results.get(i), commands);
      }
    }
    return commands;
  }

  private void commit(
      Sequence sequence, StepPlan.Chunk chunk, ChunkResult result, List<StepCommand> commands) {
    promptTokens += Math.clamp(sequence.promptTokens() - chunk.start(), 0, chunk.tokens().length);
    for (var event : sequence.commit(chunk, result)) {
      switch (event) {
        case GenerationEvent.Prompt _, GenerationEvent.Embedded _ ->
            commands.add(new StepCommand.Emit(sequence.number, event));
        case GenerationEvent.Token _ -> {
          generatedTokens++;
          waiting.charge(sequence, 1);
          commands.add(new StepCommand.Emit(sequence.number, event));
        }
        case GenerationEvent.Finished _ -> {
          memory.publish(sequence);
          commands.addAll(end(sequence, event));
        }
        case GenerationEvent.Failed _ -> {
          memory.distrust(sequence); // It may have computed NaN for some time.
          commands.addAll(end(sequence, event));
        }
      }
    }
    if (!sequence.isOver()) {
      memory.publish(sequence);
    }
  }

  private List<StepCommand> stepFailed(String why) {
    var commands = new ArrayList<StepCommand>();
    var chunks = takeUnderWay().chunks();
    for (var chunk : chunks) {
      var sequence = sequenceOf(chunk);
      if (sequence.isOver()) {
        forget(sequence);
      } else if (chunks.size() > 1) {
        suspects.add(sequence);
      } else {
        commands.addAll(end(sequence, new GenerationEvent.Failed(why)));
      }
    }
    return commands;
  }

  private StepPlan takeUnderWay() {
    var plan = underWay;
    if (plan == null) {
      throw new IllegalStateException("no step is under way, %d were".formatted(steps));
    }
    underWay = null;
    return plan;
  }

  private Sequence sequenceOf(StepPlan.Chunk chunk) {
    var sequence = live.get(chunk.sequence());
    if (sequence == null) {
      throw new IllegalStateException("no sequence %d".formatted(chunk.sequence()));
    }
    return sequence;
  }

  /// The last that its client hears of it.
  private List<StepCommand> end(Sequence sequence, GenerationEvent event) {
    var commands = new ArrayList<StepCommand>();
    sequence.end();
    waiting.remove(sequence);
    preempted.remove(sequence);
    running.remove(sequence);
    suspects.remove(sequence);
    memory.ended(sequence);
    if (sequence.place == Place.HOST) {
      commands.add(new StepCommand.DropSwapped(sequence.number));
    }
    boolean busy = underWay != null && isIn(underWay.chunks(), sequence);
    if (!busy && sequence.place != Place.RETURNING && sequence.place != Place.LOADING) {
      forget(sequence);
    }
    commands.add(new StepCommand.Emit(sequence.number, event));
    return commands;
  }

  private void forget(Sequence sequence) {
    memory.release(sequence);
    live.remove(sequence.number);
  }
}
