package io.dejavu.workload;

/// Shrinks the lengths of a trace to what a small model can hold: `max(floor, round(length ·
/// factor))`, for prompts, answers and blocks of prefixes (which have a floor of 1) alike, so that
/// the ratios between them and what is shared stay as they were.
///
/// @param factor over 0, at most 1
/// @param floor least length of a prompt or an answer
public record LengthScale(double factor, int floor) {
  public static final int DEFAULT_FLOOR = 4;

  public static final LengthScale NONE = new LengthScale(1, 1);

  public LengthScale {
    if (!(factor > 0 && factor <= 1) || floor < 1) {
      throw new IllegalArgumentException(
          "lengths scaled by %s with a floor of %d".formatted(factor, floor));
    }
  }

  /// @param text such as `1/32` or `0.05`
  public static LengthScale parse(String text, int floor) {
    try {
      String[] parts = text.split("/", -1);
      double factor = Double.parseDouble(parts[0]);
      if (parts.length == 2) {
        factor /= Double.parseDouble(parts[1]);
      }
      if (parts.length <= 2) {
        return new LengthScale(factor, floor);
      }
    } catch (NumberFormatException _) {
      // said below
    }
    throw new IllegalArgumentException("'%s' is not a scale such as 1/32".formatted(text));
  }

  int of(int tokens) {
    return (int) Math.max(floor, Math.round(tokens * factor));
  }

  int ofBlock(int tokens) {
    return (int) Math.max(1, Math.round(tokens * factor));
  }
}
