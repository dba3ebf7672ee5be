package io.dejavu.model;

/// Angles per position of the rotary embedding.
///
/// Source: Su et al. 2021, RoFormer, §3.2.2; the `llama3` stretching: Llama 3.1's published
/// `apply_scaling`, as in Hugging Face's `modeling_rope_utils`.
final class Rope {
  private Rope() {}

  /// `f_i = θ^(-2i/R)` for `i < R/2`, where `R` is how much of a head turns; then stretched as the
  /// config says. Rounded to f32 where Hugging Face does.
  ///
  /// @param rotated the part of a head that turns if the config does not say
  /// @throws CheckpointException if the config wants a scaling that is not known
  static float[] frequencies(Config config, int headSize, double rotated) {
    var rope = RopeParameters.of(config, 10_000, rotated);
    var turned = (int) (headSize * rope.rotated());
    if (turned < 2 || turned % 2 != 0) {
      throw config.expected(
          "partial_rotary_factor", "an even part of a head of size %d".formatted(headSize));
    }
    var frequencies = new float[turned / 2];
    for (int i = 0; i < frequencies.length; i++) {
      var power = (float) Math.pow(rope.theta(), (float) (2 * i) / turned);
      var frequency = 1 / power;
      frequencies[i] =
          switch (rope.type()) {
            case "default" -> frequency;
            case "linear" -> (float) (frequency / rope.factor());
            case "llama3" -> llama3(frequency, rope);
            default ->
                throw config.expected(
                    config.has("rope_parameters") ? "rope_parameters" : "rope_scaling",
                    "a rope_type of default, linear or llama3");
          };
    }
    return frequencies;
  }

  /// Long wavelengths are stretched by the factor, short ones stay, those between are blended.
  private static float llama3(float frequency, RopeParameters rope) {
    var wavelength = 2 * Math.PI / frequency;
    var positions = (double) rope.originalPositions();
    if (wavelength < positions / rope.highFrequencyFactor()) {
      return frequency;
    }
    if (wavelength > positions / rope.lowFrequencyFactor()) {
      return (float) (frequency / rope.factor());
    }
    var smooth =
        (positions / wavelength - rope.lowFrequencyFactor())
            / (rope.highFrequencyFactor() - rope.lowFrequencyFactor());
    return (float) ((1 - smooth) * frequency / rope.factor() + smooth * frequency);
  }
}
