package io.dejavu.observe;

import static io.dejavu.observe.SequenceTimes.NEVER;

import io.dejavu.engine.EngineObserver;
import io.dejavu.engine.GenerationEvent;
import io.dejavu.engine.GenerationRequest;
import io.dejavu.engine.StepPlan;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;

/// Counts what the engine tells. Its thread adds, a scrape reads; nobody waits.
///
/// Steps are counted all; sequences only if they were [#expect]ed, so that what the server
/// generates for itself at its start is no one's latency.
final class EngineMetrics implements EngineObserver {
  final Distribution stepSeconds = new Distribution(Bounds.SECONDS);
  final Distribution stepSequences = new Distribution(Bounds.SEQUENCES);
  final Distribution stepTokens = new Distribution(Bounds.STEP_TOKENS);
  final LongAdder failedSteps = new LongAdder();

  final Distribution firstTokenSeconds = new Distribution(Bounds.SECONDS, Bounds.VLLM_FIRST_TOKEN);
  final Distribution nextTokenSeconds = new Distribution(Bounds.SECONDS, Bounds.VLLM_NEXT_TOKEN);
  final LongAdder promptTokens = new LongAdder();
  final LongAdder cachedTokens = new LongAdder();
  final LongAdder generatedTokens = new LongAdder();
  final LongAdder preemptions = new LongAdder();

  /// By the id of their request: submitted, and not yet heard of by the engine's thread.
  private final Map<String, SequenceTimes> expected = new ConcurrentHashMap<>();

  // Touched by the engine's thread only.
  private final Map<Long, SequenceTimes> live = new HashMap<>();

  /// A sequence of this id is about to be submitted.
  void expect(SequenceTimes sequence) {
    expected.put(sequence.id, sequence);
  }

  /// It was refused.
  void forget(SequenceTimes sequence) {
    expected.remove(sequence.id, sequence);
  }

  @Override
  public void queued(long number, GenerationRequest request, long at) {
    var sequence = expected.remove(request.id());
    if (sequence != null) {
      sequence.queued(at);
      live.put(number, sequence);
    }
  }

  @Override
  public void started(long number, GenerationRequest request, int cached, long at) {
    var sequence = live.get(number);
    if (sequence != null) {
      sequence.started(cached, at);
    }
  }

  @Override
  public void preempted(long number, GenerationRequest request, boolean swapped, long at) {
    preemptions.increment();
  }

  @Override
  public void token(long number, GenerationRequest request, int generated, long at) {
    var sequence = live.get(number);
    if (sequence == null) {
      return;
    }
    long before = sequence.token(generated, at);
    if (before == NEVER) {
      firstTokenSeconds.addNanos(at - sequence.arrived);
      promptComputed(sequence);
    } else {
      nextTokenSeconds.addNanos(at - before);
    }
    generatedTokens.increment();
  }

  @Override
  public void ended(long number, GenerationRequest request, GenerationEvent end, long at) {
    var sequence = live.remove(number);
    if (sequence == null) {
      return;
    }
    sequence.ended(end, at);
    if (end instanceof GenerationEvent.Finished finished
        && finished.generatedTokens() == 0
        && request.maxTokens() == 0) {
      promptComputed(sequence); // which is all that was asked for
    }
  }

  private void promptComputed(SequenceTimes sequence) {
    promptTokens.add(sequence.promptTokens);
    cachedTokens.add(sequence.record().cachedTokens());
  }

  @Override
  public void step(StepPlan plan, boolean failed, long begin, long end) {
    stepSeconds.addNanos(end - begin);
    stepSequences.add(plan.chunks().size());
    stepTokens.add(plan.tokens());
    if (failed) {
      failedSteps.increment();
    }
  }
}
