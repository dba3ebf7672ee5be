package io.dejavu.tensor;

import java.util.Map;

/// How a token is chosen from logits. Applied in this order: logit bias, repetition, presence and
/// frequency penalties, temperature, top-k, top-p, min-p, draw.
///
/// @param temperature 0: the largest logit (the lowest id of equals)
/// @param topK keep the k largest; 0: all
/// @param topP keep the smallest set of likeliest tokens whose probabilities reach it; 1: all
/// @param minP drop tokens less likely than this times the likeliest; 0: none
/// @param repetition divides positive and multiplies negative logits of tokens seen in prompt or
///   output; 1: off (Keskar et al. 2019)
/// @param presence subtracted once from tokens seen in the output
/// @param frequency subtracted per occurrence from tokens seen in the output
/// @param bias added to the logits of these token ids
public record Sampling(
    float temperature,
    int topK,
    float topP,
    float minP,
    float repetition,
    float presence,
    float frequency,
    Map<Integer, Float> bias) {
  public static final Sampling GREEDY = new Sampling(0, 0, 1, 0, 1, 0, 0, Map.of());

  public Sampling {
    check("temperature", temperature, 0, 100);
    check("top_p", topP, Math.nextUp(0f), 1);
    check("min_p", minP, 0, 1);
    check("repetition_penalty", repetition, Math.nextUp(0f), 100);
    check("presence_penalty", presence, -2, 2);
    check("frequency_penalty", frequency, -2, 2);
    if (topK < 0) {
      throw new IllegalArgumentException("top_k is %d, must be 0 or more".formatted(topK));
    }
    bias = Map.copyOf(bias);
    bias.values().forEach(value -> check("logit_bias", value, -100, 100));
  }

  /// Whether the logits must be changed before the draw.
  public boolean adjusts() {
    return repetition != 1 || presence != 0 || frequency != 0 || !bias.isEmpty();
  }

  private static void check(String name, float value, float least, float most) {
    if (!(value >= least && value <= most)) {
      throw new IllegalArgumentException(
          "%s is %s, must be between %s and %s".formatted(name, value, least, most));
    }
  }
}
