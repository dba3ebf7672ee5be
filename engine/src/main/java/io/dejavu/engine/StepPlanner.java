package io.dejavu.engine;

import io.dejavu.kv.BlockPool;
import io.dejavu.kv.BlockTable;
import io.dejavu.kv.KvLayout;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Decides what a pipeline computes next: continuous batching. Performs nothing; the same events in
/// the same order give the same commands.
///
/// A step takes one token of every sequence that is being generated; what is left of its token
/// budget goes to prompts in the order of their arrival, cut into chunks where they do not fit
/// (Dynamic SplitFuse; Holmes et al. 2024, DeepSpeed-FastGen, §3). A request is admitted in the
/// order of its arrival, once the blocks that it may ever need are free: what runs is never thrown
/// out for want of memory.
///
/// A token counts when its step is done. Blocks of a sequence that ends go back at once, or after
/// the step that still writes to them.
public final class StepPlanner {
  private final EngineConfig config;
  private final Admission admission;
  private final BlockPool pool;
  private final int blockTokens;

  private final ArrayDeque<Sequence> waiting = new ArrayDeque<>();
  // In the order of admission.
  private final List<Sequence> running = new ArrayList<>();
  // Waiting, running, and those that ended during the step under way.
  private final Map<Long, Sequence> live = new HashMap<>();
  private @Nullable StepPlan underWay;
  private long steps;

  /// @param pool of blocks that hold `blockTokens` tokens each, not used by anyone else
  /// @throws IllegalArgumentException if one sequence may need more blocks than there are
  public StepPlanner(EngineConfig config, Admission admission, BlockPool pool, int blockTokens) {
    if (KvLayout.blocksFor(admission.maxContext(), blockTokens) > pool.blocks()) {
      throw new IllegalArgumentException(
          "%d blocks of %d tokens do not hold a context of %d tokens"
              .formatted(pool.blocks(), blockTokens, admission.maxContext()));
    }
    this.config = config;
    this.admission = admission;
    this.pool = pool;
    this.blockTokens = blockTokens;
  }

  /// Decides what follows from `event`.
  ///
  /// @throws IllegalStateException if the event cannot be: a doer is broken
  public List<StepCommand> on(StepEvent event) {
    return switch (event) {
      case StepEvent.Submitted(var number, var request) -> submitted(number, request);
      case StepEvent.Cancelled(var number) -> ended(number, FinishReason.CANCELLED);
      case StepEvent.Expired(var number) -> ended(number, FinishReason.DEADLINE);
      case StepEvent.Ready _ -> nextStep();
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
        0,
        pool.inUse(),
        0,
        pool.blocks(),
        blocksLeaked(),
        underWay == null ? 0 : underWay.chunks().size(),
        new Engine.Totals(steps, 0, 0, 0, 0, 0, 0));
  }

  /// Sequences in the current batch.
  public int running() {
    return running.size();
  }

  /// Sequences that wait for blocks or a place.
  public int waiting() {
    return waiting.size();
  }

  /// Steps planned since the start.
  public long steps() {
    return steps;
  }

  /// Blocks that nobody alive has: 0, or a bug.
  public int blocksLeaked() {
    return pool.leaked(live.keySet());
  }

  private List<StepCommand> submitted(long number, GenerationRequest request) {
    admission
        .refusal(request)
        .ifPresent(
            why -> {
              throw new IllegalStateException("%s was submitted: %s".formatted(request.id(), why));
            });
    var sequence = new Sequence(number, request, admission);
    if (live.putIfAbsent(number, sequence) != null) {
      throw new IllegalStateException("sequence %d was submitted before".formatted(number));
    }
    waiting.addLast(sequence);
    return sequence
        .begin()
        .map(why -> List.of(end(sequence, new GenerationEvent.Failed(why))))
        .orElse(List.of());
  }

  private List<StepCommand> ended(long number, FinishReason reason) {
    var sequence = live.get(number);
    if (sequence == null || sequence.isOver()) {
      return List.of();
    }
    return List.of(end(sequence, sequence.finished(reason)));
  }

  private List<StepCommand> nextStep() {
    if (underWay != null) {
      throw new IllegalStateException("step %d is still under way".formatted(underWay.number()));
    }
    var chunks = new ArrayList<StepPlan.Chunk>();
    int budget = config.stepTokens();
    for (var sequence : running) {
      if (sequence.remaining() == 1) {
        chunks.add(sequence.chunk(1));
        budget--;
      }
    }
    for (var sequence : running) {
      if (sequence.remaining() > 1 && budget > 0) {
        budget -= addChunk(chunks, sequence, budget);
      }
    }
    while (budget > 0 && admitNext()) {
      budget -= addChunk(chunks, running.getLast(), budget);
    }
    if (chunks.isEmpty()) {
      return List.of();
    }
    underWay = new StepPlan(++steps, chunks);
    return List.of(new StepCommand.RunStep(underWay));
  }

  private static int addChunk(List<StepPlan.Chunk> chunks, Sequence sequence, int budget) {
    int count = Math.min(sequence.remaining(), budget);
    chunks.add(sequence.chunk(count));
    return count;
  }

  /// Lets the first in the queue run, if there is room. Nobody overtakes it, so nobody starves.
  private boolean admitNext() {
    var sequence = waiting.peekFirst();
    if (sequence == null || running.size() == config.maxRunning()) {
      return false;
    }
    int wanted = KvLayout.blocksFor(sequence.peakComputed(), blockTokens);
    if (wanted > pool.free()) {
      return false;
    }
    try (var lease = pool.lend(wanted)) {
      sequence.admit(new BlockTable(blockTokens, lease.blocks()));
      lease.giveTo(sequence.number);
    }
    waiting.removeFirst();
    running.add(sequence);
    return true;
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
      if (sequence.isOver()) {
        forget(sequence);
      } else {
        for (var event : sequence.commit(chunk, results.get(i))) {
          commands.add(
              switch (event) {
                case GenerationEvent.Prompt _, GenerationEvent.Token _ ->
                    new StepCommand.Emit(sequence.number, event);
                case GenerationEvent.Finished _, GenerationEvent.Failed _ -> end(sequence, event);
              });
        }
      }
    }
    return commands;
  }

  private List<StepCommand> stepFailed(String why) {
    var commands = new ArrayList<StepCommand>();
    for (var chunk : takeUnderWay().chunks()) {
      var sequence = sequenceOf(chunk);
      if (sequence.isOver()) {
        forget(sequence);
      } else {
        commands.add(end(sequence, new GenerationEvent.Failed(why)));
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
  private StepCommand end(Sequence sequence, GenerationEvent event) {
    sequence.end();
    if (!running.remove(sequence)) {
      waiting.remove(sequence);
    }
    if (!isUnderWay(sequence)) {
      forget(sequence);
    }
    return new StepCommand.Emit(sequence.number, event);
  }

  private boolean isUnderWay(Sequence sequence) {
    return underWay != null
        && underWay.chunks().stream().anyMatch(chunk -> chunk.sequence() == sequence.number);
  }

  private void forget(Sequence sequence) {
    pool.release(sequence.number);
    live.remove(sequence.number);
  }
}
