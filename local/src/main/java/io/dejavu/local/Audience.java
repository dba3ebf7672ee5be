package io.dejavu.local;

import io.dejavu.engine.EngineObserver;
import io.dejavu.engine.GenerationEvent;
import io.dejavu.engine.StepPlan;
import java.lang.System.Logger.Level;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;

/// Who hears of what happens: the listeners of the live requests, and the observer. Knows when they
/// lose patience. None of them can break the step loop, whose thread owns this.
final class Audience {
  private static final System.Logger LOG = System.getLogger(Audience.class.getName());

  private final EngineObserver observer;
  private final Runnable whenOneEnds;
  private final Map<Long, LiveRequest> requests = new HashMap<>();
  private final Deadlines deadlines = new Deadlines();

  /// @param whenOneEnds called when a request has ended, before its listener hears of it
  Audience(EngineObserver observer, Runnable whenOneEnds) {
    this.observer = observer;
    this.whenOneEnds = whenOneEnds;
  }

  /// A request has come in.
  void add(LiveRequest live) {
    requests.put(live.sequence, live);
    deadlines.add(live);
    observe(() -> observer.queued(live.sequence, live.request, live.submittedAt));
  }

  /// Sequences that live.
  List<Long> sequences() {
    return List.copyOf(requests.keySet());
  }

  /// A sequence whose time is over at `now`, if there is one; each is named once.
  OptionalLong expired(long now) {
    return deadlines.expired(now);
  }

  /// A step begins.
  void begin(StepPlan plan, long at) {
    observe(() -> plan.chunks().forEach(chunk -> begin(chunk, at)));
  }

  private void begin(StepPlan.Chunk chunk, long at) {
    var live = requests.get(chunk.sequence());
    if (live == null) {
      return;
    }
    if (!live.started) {
      live.started = true;
      observer.started(live.sequence, live.request, chunk.start(), at);
    } else if (live.preempted) {
      observer.resumed(live.sequence, live.request, at);
    }
    live.preempted = false;
  }

  /// A step has ended.
  void end(StepPlan plan, boolean failed, long begin, long end) {
    observe(() -> observer.step(plan, failed, begin, end));
  }

  /// A sequence lost its place.
  void preempted(long sequence, boolean swapped) {
    var live = requests.get(sequence);
    if (live != null && live.started) {
      live.preempted = true;
      observe(() -> observer.preempted(sequence, live.request, swapped, System.nanoTime()));
    }
  }

  /// Tells the listener of a sequence, unless it threw before.
  ///
  /// @return whether it wants to hear more, if there is more: false if it has thrown now
  boolean tell(long sequence, GenerationEvent event) {
    var live = requests.get(sequence);
    if (live == null) {
      return true;
    }
    boolean last =
        switch (event) {
          case GenerationEvent.Prompt _, GenerationEvent.Embedded _ -> false;
          case GenerationEvent.Token _ -> {
            live.generated++;
            observe(
                () -> observer.token(sequence, live.request, live.generated, System.nanoTime()));
            yield false;
          }
          case GenerationEvent.Finished _, GenerationEvent.Failed _ -> {
            forget(live, event);
            yield true;
          }
        };
    try {
      live.listener.accept(event);
      return true;
    } catch (RuntimeException | Error e) {
      LOG.log(Level.ERROR, "the listener of sequence %d threw".formatted(sequence), e);
      if (!last) {
        forget(live, new GenerationEvent.Failed("its listener threw " + e));
      }
      return last;
    }
  }

  private void forget(LiveRequest live, GenerationEvent end) {
    requests.remove(live.sequence);
    deadlines.remove(live);
    whenOneEnds.run();
    observe(() -> observer.ended(live.sequence, live.request, end, System.nanoTime()));
  }

  /// An observer that throws has a bug, which is no reason to stop.
  private static void observe(Runnable telling) {
    try {
      telling.run();
    } catch (RuntimeException | Error e) {
      LOG.log(Level.ERROR, "the observer threw", e);
    }
  }
}
