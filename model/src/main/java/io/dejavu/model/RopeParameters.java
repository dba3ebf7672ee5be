package io.dejavu.model;

/// How a model rotates its queries and keys, from either form of `config.json`: `rope_parameters`
/// (new), or `rope_theta`, `rope_scaling` and NeoX's `rotary_emb_base` and `rotary_pct` (old).
///
/// @param type `default`, `linear`, `llama3`; others are named as the file names them
/// @param theta base of the frequencies
/// @param rotated part of a head that is rotated, in (0, 1]
/// @param factor by how much positions are stretched (`linear`, `llama3`)
/// @param lowFrequencyFactor `llama3`: wavelengths beyond `originalPositions / this` are stretched
/// @param highFrequencyFactor `llama3`: wavelengths below `originalPositions / this` are not
/// @param originalPositions `llama3`: longest sequence before stretching
public record RopeParameters(
    String type,
    double theta,
    double rotated,
    double factor,
    double lowFrequencyFactor,
    double highFrequencyFactor,
    int originalPositions) {

  /// @param theta where the file names none
  /// @param rotated where the file names none
  public static RopeParameters of(Config config, double theta, double rotated) {
    var base = config.positive("rope_theta", config.positive("rotary_emb_base", theta));
    var part = config.positive("partial_rotary_factor", config.positive("rotary_pct", rotated));
    var key = config.has("rope_parameters") ? "rope_parameters" : "rope_scaling";
    if (!config.has(key)) {
      return checked(config, "default", base, part);
    }
    var rope = config.object(key);
    var type = rope.text("rope_type", rope.text("type", "default"));
    var plain =
        checked(
            rope,
            type,
            rope.positive("rope_theta", base),
            rope.positive("partial_rotary_factor", part));
    return switch (type) {
      case "linear" -> plain.stretched(rope, 0, 0, 0);
      case "llama3" -> {
        double low = rope.positive("low_freq_factor", 1);
        double high = rope.positive("high_freq_factor", 4);
        if (high <= low) {
          throw rope.expected("high_freq_factor", "more than low_freq_factor, " + low);
        }
        yield plain.stretched(rope, low, high, rope.integer("original_max_position_embeddings"));
      }
      default -> plain;
    };
  }

  private static RopeParameters checked(Config config, String type, double theta, double rotated) {
    if (rotated > 1) {
      throw config.expected("partial_rotary_factor", "at most 1");
    }
    return new RopeParameters(type, theta, rotated, 1, 0, 0, 0);
  }

  private RopeParameters stretched(Config rope, double low, double high, int positions) {
    if (!rope.has("factor")) {
      throw rope.expected("factor", "a number above 0");
    }
    return new RopeParameters(
        type, theta, rotated, rope.positive("factor", 1), low, high, positions);
  }
}
