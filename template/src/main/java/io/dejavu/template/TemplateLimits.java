package io.dejavu.template;

/// What one rendering may use up. The defaults are far above any chat and far below harm: a
/// template that runs into them is broken or hostile.
///
/// @param steps expressions and statements evaluated, items iterated
/// @param outputChars longest text that may come out, and longest string on the way, in UTF-16
///   units
/// @param workChars characters copied or searched in all strings together
/// @param depth macros, recursive loops and blocks inside each other
public record TemplateLimits(long steps, int outputChars, long workChars, int depth) {
  public static final TemplateLimits DEFAULT =
      new TemplateLimits(5_000_000, 16 << 20, 256 << 20, 150);

  public TemplateLimits {
    if (steps < 1 || outputChars < 1 || workChars < 1 || depth < 1) {
      throw new IllegalArgumentException(
          "limits of a template: %d steps, %d output characters, %d characters of work, depth %d"
              .formatted(steps, outputChars, workChars, depth));
    }
  }
}
