package io.dejavu.workload;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/// Limits that an answer must keep to count as good: all of those given.
///
/// @param limits each measure at most once
public record Objective(List<Limit> limits) {
  /// What can be limited, in milliseconds.
  public enum Measure {
    TTFT,
    TPOT,
    E2EL;

    private double of(Attempt attempt) {
      return switch (this) {
        case TTFT -> attempt.ttftMillis();
        case TPOT -> attempt.tpotMillis();
        case E2EL -> attempt.e2eMillis();
      };
    }
  }

  /// One limit.
  public record Limit(Measure measure, double millis) {
    public Limit {
      if (!(millis > 0)) {
        throw new IllegalArgumentException("%s: %s ms".formatted(measure, millis));
      }
    }
  }

  /// Everything that is answered is good.
  public static final Objective NONE = new Objective(List.of());

  public Objective {
    limits = List.copyOf(limits);
    if (limits.stream().map(Limit::measure).distinct().count() < limits.size()) {
      throw new IllegalArgumentException("two limits for one measure: " + limits);
    }
  }

  /// @param limits such as `ttft:200`, `tpot:50`, `e2el:5000`, as vLLM's benchmark has them
  public static Objective parse(List<String> limits) {
    var parsed = new ArrayList<Limit>();
    for (String limit : limits) {
      String[] parts = limit.split(":", -1);
      try {
        if (parts.length == 2) {
          parsed.add(
              new Limit(
                  Measure.valueOf(parts[0].strip().toUpperCase(Locale.ROOT)),
                  Double.parseDouble(parts[1])));
          continue;
        }
      } catch (IllegalArgumentException _) {
        // said below
      }
      throw new IllegalArgumentException(
          "'%s' is not a limit in milliseconds such as ttft:200, tpot:50 or e2el:5000"
              .formatted(limit));
    }
    return new Objective(parsed);
  }

  public boolean isEmpty() {
    return limits.isEmpty();
  }

  public boolean isMetBy(Attempt attempt) {
    return attempt.completed()
        && limits.stream().allMatch(limit -> limit.measure.of(attempt) <= limit.millis);
  }

  @Override
  public String toString() {
    return String.join(
        " ",
        limits.stream()
            .map(
                l -> "%s:%s".formatted(l.measure.name().toLowerCase(Locale.ROOT), number(l.millis)))
            .toList());
  }

  private static String number(double value) {
    return value == Math.rint(value) ? Long.toString((long) value) : Double.toString(value);
  }
}
