package io.dejavu.workload;

import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.ToDoubleFunction;

/// What a run says about a server. Latencies are those of answered requests, in milliseconds;
/// `docs/benchmarking.md` has the definitions.
///
/// @param completed requests that were answered
/// @param failures by label; those that were stopped are not among them
/// @param stopped requests that the end of the measurement cut off
/// @param good answered requests that met the objective
/// @param seconds from the first request to the end of the last
/// @param inputTokens of answered requests
/// @param outputTokens of answered requests
/// @param cachedTokens of `inputTokens`, those the server did not compute again
/// @param ttft time to first token
/// @param tpot time per output token, of answers of two tokens and more
/// @param itl inter-token latency: all gaps of all answers
/// @param e2el end-to-end latency
/// @param normalized end-to-end latency over tokens of the answer
/// @param peakConcurrency most requests at once
/// @param peakOutputRate most tokens in one second of the run
/// @param clientMicrosPerToken processor time of the client over tokens received
/// @param worstLagMillis the latest that a request was sent after its time
public record ServingFigures(
    int completed,
    Map<String, Integer> failures,
    int stopped,
    int good,
    double seconds,
    long inputTokens,
    long outputTokens,
    long cachedTokens,
    Spread ttft,
    Spread tpot,
    Spread itl,
    Spread e2el,
    Spread normalized,
    int peakConcurrency,
    double peakOutputRate,
    double clientMicrosPerToken,
    double worstLagMillis) {
  public ServingFigures {
    failures = Collections.unmodifiableMap(new TreeMap<>(failures)); // in order
  }

  public static ServingFigures of(LoadRun.Outcome outcome, Objective objective) {
    var all = outcome.attempts();
    var answered = all.stream().filter(Attempt::completed).toList();
    long tokens = sum(answered, Attempt::outputTokens);
    return new ServingFigures(
        answered.size(),
        failures(all),
        (int) all.stream().filter(ServingFigures::wasStopped).count(),
        (int) answered.stream().filter(objective::isMetBy).count(),
        outcome.durationNanos() / 1e9,
        sum(answered, Attempt::promptTokens),
        tokens,
        sum(answered, Attempt::cachedTokens),
        spread(answered, Attempt::ttftMillis),
        spread(answered.stream().filter(a -> a.outputTokens() > 1).toList(), Attempt::tpotMillis),
        Spread.of(
            answered.stream()
                .flatMapToDouble(attempt -> Arrays.stream(attempt.itlMillis()))
                .toArray()),
        spread(answered, Attempt::e2eMillis),
        spread(answered, Attempt::normalizedMillis),
        Timeline.peakConcurrency(all),
        Timeline.peakTokensPerSecond(all, outcome.durationNanos()),
        outcome.clientNanos() / 1e3 / Math.max(1, tokens),
        outcome.worstLagNanos() / 1e6);
  }

  public int failed() {
    return failures.values().stream().mapToInt(n -> n).sum();
  }

  public double requestThroughput() {
    return perSecond(completed);
  }

  /// Good requests per second.
  public double goodput() {
    return perSecond(good);
  }

  /// Share of all requests, failed ones too, that met the objective.
  public double attainment() {
    int all = completed + failed();
    return all == 0 ? 0 : (double) good / all;
  }

  public double outputThroughput() {
    return perSecond((double) outputTokens);
  }

  public double totalThroughput() {
    return perSecond((double) (inputTokens + outputTokens));
  }

  private double perSecond(double count) {
    return seconds > 0 ? count / seconds : 0;
  }

  private static Map<String, Integer> failures(List<Attempt> all) {
    var counts = new TreeMap<String, Integer>();
    for (var attempt : all) {
      if (attempt.failure() != null && !wasStopped(attempt)) {
        counts.merge(attempt.failure().label(), 1, Integer::sum);
      }
    }
    return counts;
  }

  private static boolean wasStopped(Attempt attempt) {
    return attempt.failure() != null && attempt.failure().kind() == Failure.Kind.STOPPED;
  }

  private static long sum(List<Attempt> attempts, ToDoubleFunction<Attempt> of) {
    return (long) attempts.stream().mapToDouble(of).sum();
  }

  private static Spread spread(List<Attempt> attempts, ToDoubleFunction<Attempt> of) {
    return Spread.of(attempts.stream().mapToDouble(of).toArray());
  }
}
