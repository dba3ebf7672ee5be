package io.dejavu.workload;

import java.util.Arrays;
import java.util.List;

/// A run over time.
///
/// @param stepSeconds length of a step
/// @param chunksPerSecond of each step, all requests together
/// @param running most requests at once in each step
public record Timeline(double stepSeconds, double[] chunksPerSecond, int[] running) {
  private static final long SECOND = 1_000_000_000;

  /// @param steps into which the run is cut
  static Timeline of(List<Attempt> attempts, long durationNanos, int steps) {
    long step = Math.max(1, (durationNanos + steps - 1) / steps);
    var chunks = new double[steps];
    for (var attempt : attempts) {
      for (long nanos : attempt.chunkNanos()) {
        chunks[Math.clamp(nanos / step, 0, steps - 1)]++;
      }
    }
    double seconds = (double) step / SECOND;
    for (int i = 0; i < steps; i++) {
      chunks[i] /= seconds;
    }
    return new Timeline(seconds, chunks, running(attempts, step, steps));
  }

  static int peakConcurrency(List<Attempt> attempts) {
    int peak = 0;
    int now = 0;
    for (long edge : edges(attempts)) {
      now += edge % 2 == 0 ? -1 : 1;
      peak = Math.max(peak, now);
    }
    return peak;
  }

  /// Most tokens that came in one second, and of a run of hardly more no less than its mean. A
  /// chunk has its share of the answer's tokens, as several may come in one.
  static double peakTokensPerSecond(List<Attempt> attempts, long durationNanos) {
    long end = attempts.stream().mapToLong(Attempt::endNanos).max().orElse(0);
    var seconds = new double[Math.toIntExact(end / SECOND) + 1];
    for (var attempt : attempts) {
      double tokens = (double) attempt.outputTokens() / Math.max(1, attempt.chunkNanos().length);
      for (long nanos : attempt.chunkNanos()) {
        seconds[Math.clamp(nanos / SECOND, 0, seconds.length - 1)] += tokens;
      }
    }
    double mean = Arrays.stream(seconds).sum() * SECOND / Math.max(1, durationNanos);
    return Math.max(mean, Arrays.stream(seconds).max().orElse(0));
  }

  private static int[] running(List<Attempt> attempts, long step, int steps) {
    var most = new int[steps];
    int now = 0;
    int at = 0;
    for (long edge : edges(attempts)) {
      int until = Math.clamp(edge / 2 / step, 0, steps - 1);
      for (; at < until; at++) {
        most[at + 1] = now;
      }
      now += edge % 2 == 0 ? -1 : 1;
      most[at] = Math.max(most[at], now);
    }
    return most;
  }

  /// Twice the time of every beginning, plus one, and of every end, ascending: of two at the same
  /// time the end comes first.
  private static long[] edges(List<Attempt> attempts) {
    var edges = new long[2 * attempts.size()];
    for (int i = 0; i < attempts.size(); i++) {
      edges[2 * i] = 2 * attempts.get(i).startNanos() + 1;
      edges[2 * i + 1] = 2 * Math.max(attempts.get(i).endNanos(), attempts.get(i).startNanos() + 1);
    }
    Arrays.sort(edges);
    return edges;
  }
}
