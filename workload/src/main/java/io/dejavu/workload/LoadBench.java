package io.dejavu.workload;

import java.time.InstantSource;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/// Measures one server: warms up, then runs workloads. Every run has prompts of its own, so that
/// nothing of an earlier one is found in a server's prefix cache.
public final class LoadBench {
  /// Enough that a burst of an open loop is no burst of threads without an end.
  private static final int MOST_AT_ONCE = 65_536;

  private final TargetConfig config;
  private final PromptText words;
  private final int vocabulary;
  private final long seed;
  private final InstantSource wall;
  private final LongSupplier nanoTime;
  private volatile @Nullable LoadRun running;
  private volatile boolean stopped;
  private int runs;

  /// @param config with a model
  /// @param words for prompts of text
  /// @param vocabulary for prompts of token ids: below this
  /// @param seed of the prompts, of which each run makes its own
  /// @param wall for the date in reports
  /// @param nanoTime for all else
  public LoadBench(
      TargetConfig config,
      PromptText words,
      int vocabulary,
      long seed,
      InstantSource wall,
      LongSupplier nanoTime) {
    this.config = config;
    this.words = words;
    this.vocabulary = vocabulary;
    this.seed = seed;
    this.wall = wall;
    this.nanoTime = nanoTime;
  }

  /// Sends requests like those of `workload` for nothing but their effect on the server and on this
  /// process: caches fill, code is compiled.
  ///
  /// @return the last failure, or null
  public @Nullable Failure warmUp(
      Workload workload, int requests, int concurrency, Consumer<Attempt> ended) {
    if (requests < 1) {
      return null;
    }
    var outcome = run(workload.first(requests), Measurement.Pace.closed(concurrency), ended);
    return outcome.attempts().stream()
        .map(Attempt::failure)
        .filter(failure -> failure != null)
        .reduce(null, (_, last) -> last);
  }

  /// One run.
  ///
  /// @param pace of a workload with times, unless it is a closed loop
  /// @param ended hears of every attempt
  public Measurement measure(
      Workload workload,
      Measurement.Pace pace,
      Objective objective,
      Map<String, String> notes,
      Consumer<Attempt> ended) {
    var at = wall.instant();
    var outcome = run(workload, pace, ended);
    return Measurement.of(at, config, workload, pace, objective, outcome, notes);
  }

  /// From any thread: what is under way ends, and what comes later ends at once.
  public void stop() {
    stopped = true;
    var run = running;
    if (run != null) {
      run.stop();
    }
  }

  public boolean isStopped() {
    return stopped;
  }

  private LoadRun.Outcome run(Workload workload, Measurement.Pace pace, Consumer<Attempt> ended) {
    var prompts = new PromptMaker(workload.blockTokens(), vocabulary, Seeds.mixed(seed, runs++));
    try (var target = new OpenAiTarget(config, prompts, words, nanoTime)) {
      var run = new LoadRun(target, nanoTime, ended);
      running = run;
      if (stopped) {
        run.stop();
      }
      int most = pace.concurrency() == null ? MOST_AT_ONCE : pace.concurrency();
      return pace.isClosed() ? run.closed(workload, most) : run.open(workload, most);
    }
  }
}
