package io.dejavu.serve.bench.kv;

import io.dejavu.engine.Engine;
import io.dejavu.engine.EngineConfig;
import io.dejavu.engine.EngineObserver;
import io.dejavu.engine.GenerationEvent;
import io.dejavu.engine.GenerationRequest;
import io.dejavu.kv.KvConfig;
import io.dejavu.kv.KvTierConfig;
import io.dejavu.local.LoadedModel;
import io.dejavu.local.LocalPipeline;
import io.dejavu.local.StepListener;
import io.dejavu.local.StepLoop;
import io.dejavu.local.StepLoopConfig;
import io.dejavu.tensor.Sampling;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/// Engines with different things behind their prefix cache, asked the same in turn: prompts that
/// nobody has asked before, then the same ones again. The pool holds two of them, so that what
/// comes again was given up long ago.
final class TiersBench implements AutoCloseable {
  private static final Duration PATIENCE = Duration.ofMinutes(10);
  private static final Duration QUIET = Duration.ofMillis(200);
  private static final Duration LONGEST_WRITE = Duration.ofSeconds(20);
  private static final int POOL_PROMPTS = 2;

  private final int prompts;
  private final int promptTokens;
  private final int tokens;
  private final Map<Mode, Side> sides = new EnumMap<>(Mode.class);
  private final SplittableRandom random = new SplittableRandom(1);

  /// What is behind the prefix cache.
  enum Mode {
    OFF("off"),
    /// The engine of `OFF`, once more: what two measurements of the same differ by.
    OFF_AGAIN("off, again"),
    HOST("host memory"),
    DISK("disk");

    final String text;

    Mode(String text) {
      this.text = text;
    }
  }

  /// What a mode took in one round.
  ///
  /// @param freshSeconds of the new prompts
  /// @param againSeconds of the same prompts
  /// @param cached part of the repeated prompts that was not computed
  record Round(double freshSeconds, double againSeconds, double cached) {}

  private record Side(LoadedModel model, StepLoop loop) {}

  /// @param prompts of each round
  /// @param promptTokens of each of them
  /// @param tokens to generate after each
  TiersBench(int prompts, int promptTokens, int tokens) {
    this.prompts = prompts;
    this.promptTokens = promptTokens;
    this.tokens = tokens;
  }

  /// Opens the engine of a mode.
  ///
  /// @param model closed with this; it was loaded for steps of `stepTokens`
  void open(Mode mode, LoadedModel model, int stepTokens, KvTierConfig tiers) {
    var engine = new EngineConfig(stepTokens, 1, 1, promptTokens + tokens);
    var usual = KvConfig.DEFAULT;
    var kv =
        new KvConfig(
            usual.blockTokens(), 0, POOL_PROMPTS, usual.fraction(), Long.MAX_VALUE, 0, true, tiers);
    boolean complete = false;
    try {
      var pipeline = LocalPipeline.open(model, engine, kv);
      var loop =
          StepLoop.open(
              pipeline,
              engine,
              StepLoopConfig.DEFAULT,
              EngineObserver.NONE,
              StepListener.NONE,
              _ -> {});
      sides.put(mode, new Side(model, loop));
      complete = true;
    } finally {
      if (!complete) {
        model.close();
      }
    }
  }

  /// All modes once, in another order each time.
  Map<Mode, Round> round(int number) {
    var order = new ArrayList<>(List.of(Mode.values()));
    Collections.rotate(order, number);
    var rounds = new EnumMap<Mode, Round>(Mode.class);
    for (var mode : order) {
      var side = sides.get(mode == Mode.OFF_AGAIN ? Mode.OFF : mode);
      if (side == null) {
        throw new IllegalStateException("no engine for " + mode);
      }
      rounds.put(mode, round(side));
    }
    return rounds;
  }

  private Round round(Side side) {
    int vocabulary = side.model.executor().sizes().vocabulary();
    var requests = new ArrayList<GenerationRequest>();
    for (int i = 0; i < prompts; i++) {
      var prompt = random.ints(promptTokens, 0, vocabulary).toArray();
      requests.add(GenerationRequest.of("bench", prompt, Sampling.GREEDY, 0, tokens));
    }
    var fresh = ask(side.loop, requests);
    settle(side.loop);
    var again = ask(side.loop, requests);
    settle(side.loop);
    double cached = again.cached / ((double) prompts * promptTokens);
    return new Round(fresh.seconds, again.seconds, cached);
  }

  private record Asked(double seconds, long cached) {}

  /// One after the other.
  private static Asked ask(StepLoop loop, List<GenerationRequest> requests) {
    long cached = 0;
    long begin = System.nanoTime();
    for (var request : requests) {
      var end = new CompletableFuture<GenerationEvent>();
      var outcome =
          loop.submit(
              request,
              event -> {
                if (event.isLast()) {
                  end.complete(event);
                }
              });
      if (!(outcome instanceof Engine.Outcome.Accepted)) {
        throw new IllegalStateException("a request was not accepted: " + outcome);
      }
      if (!(await(end) instanceof GenerationEvent.Finished finished)) {
        throw new IllegalStateException("a request failed: " + await(end));
      }
      cached += finished.cachedTokens();
    }
    return new Asked(Math.max(1, System.nanoTime() - begin) / 1e9, cached);
  }

  private static GenerationEvent await(CompletableFuture<GenerationEvent> end) {
    try {
      return end.get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    } catch (ExecutionException | TimeoutException e) {
      throw new IllegalStateException("a request does not end", e);
    }
  }

  /// What is still to be written is not to cost the next one.
  private static void settle(StepLoop loop) {
    long deadline = System.nanoTime() + LONGEST_WRITE.toNanos();
    long before = -1;
    try {
      for (long now = stored(loop); now != before; now = stored(loop)) {
        if (System.nanoTime() > deadline) {
          throw new IllegalStateException(
              "the disk still writes after %s".formatted(LONGEST_WRITE));
        }
        before = now;
        Thread.sleep(QUIET);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    }
  }

  private static long stored(StepLoop loop) {
    return loop.status().totals().tiers().disk().storedBytes();
  }

  @Override
  public void close() {
    sides
        .values()
        .forEach(
            side -> {
              side.loop.close();
              side.model.close();
            });
  }
}
