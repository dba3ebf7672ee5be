package io.dejavu.workload;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.apache.commons.rng.UniformRandomProvider;
import org.apache.commons.rng.sampling.distribution.AhrensDieterMarsagliaTsangGammaSampler;

/// When requests arrive in an open loop: gaps from a Gamma distribution of mean `1 / rate` and
/// shape `burstiness`, as vLLM's benchmark has it. The first request comes at once.
///
/// @param rate requests per second
/// @param burstiness 1: Poisson arrivals; below: burstier; above: more even. The coefficient of
///   variation of the gaps is `1 / √burstiness`
/// @param rampUp time in which the rate grows linearly from a tenth of `rate` to it
public record ArrivalLaw(double rate, double burstiness, Duration rampUp) {
  private static final double FIRST_SHARE = 0.1;

  public ArrivalLaw {
    if (!(rate > 0 && Double.isFinite(rate))) {
      throw new IllegalArgumentException("rate is %s, must be over 0".formatted(rate));
    }
    if (!(burstiness > 0 && Double.isFinite(burstiness))) {
      throw new IllegalArgumentException("burstiness is %s, must be over 0".formatted(burstiness));
    }
    if (rampUp.isNegative()) {
      throw new IllegalArgumentException("a ramp-up of " + rampUp);
    }
  }

  public static ArrivalLaw poisson(double rate) {
    return new ArrivalLaw(rate, 1, Duration.ZERO);
  }

  /// @return `count` times, ascending from zero; the same for the same seed
  public List<Duration> times(int count, long seed) {
    UniformRandomProvider random = Seeds.random(seed, Seeds.ARRIVALS);
    var gaps = AhrensDieterMarsagliaTsangGammaSampler.of(random, burstiness, 1 / burstiness);
    var times = new ArrayList<Duration>(count);
    double seconds = 0;
    for (int i = 0; i < count; i++) {
      times.add(Duration.ofNanos(Math.round(seconds * 1e9)));
      seconds += gaps.sample() / rateAt(seconds);
    }
    return times;
  }

  private double rateAt(double seconds) {
    double ramp = rampUp.toNanos() / 1e9;
    double share = seconds >= ramp ? 1 : FIRST_SHARE + (1 - FIRST_SHARE) * seconds / ramp;
    return rate * share;
  }
}
