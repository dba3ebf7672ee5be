package io.dejavu.workload;

import java.time.Instant;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// One run with all that its reports say.
///
/// @param at when it began
/// @param target what was measured
/// @param workload what was sent
/// @param pace in what rhythm
/// @param objective what good answers keep
/// @param outcome what came back
/// @param figures of `outcome`
/// @param notes name and value of whatever else the reader should know, such as the seed
public record Measurement(
    Instant at,
    TargetConfig target,
    Workload workload,
    Pace pace,
    Objective objective,
    LoadRun.Outcome outcome,
    ServingFigures figures,
    Map<String, String> notes) {
  /// In what rhythm requests are sent.
  ///
  /// @param rate requests per second; null: as in a trace, or in a closed loop
  /// @param burstiness of the gaps
  /// @param concurrency most requests at once; null: any number
  /// @param traced whether the times are the workload's own
  public record Pace(
      @Nullable Double rate, double burstiness, @Nullable Integer concurrency, boolean traced) {
    public static Pace closed(int concurrency) {
      return new Pace(null, 1, concurrency, false);
    }

    /// The same at another rate.
    public Pace at(double requestsPerSecond) {
      return new Pace(requestsPerSecond, burstiness, concurrency, false);
    }

    /// Whether a request waits for one before it.
    public boolean isClosed() {
      return rate == null && !traced;
    }
  }

  public static Measurement of(
      Instant at,
      TargetConfig target,
      Workload workload,
      Pace pace,
      Objective objective,
      LoadRun.Outcome outcome,
      Map<String, String> notes) {
    return new Measurement(
        at,
        target,
        workload,
        pace,
        objective,
        outcome,
        ServingFigures.of(outcome, objective),
        notes);
  }
}
