package io.dejavu.observe;

import java.util.stream.DoubleStream;

/// Upper bounds of buckets: ours, and those of vLLM 0.11 to 0.14, which dashboards and alerts made
/// for it rely on (vllm/v1/metrics/loggers.py).
final class Bounds {
  /// Seconds, from half a millisecond to ten minutes; each two to three times the one before.
  static final double[] SECONDS = {
    0.0005, 0.001, 0.002, 0.003, 0.005, 0.007, 0.01, 0.015, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2,
    0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 7.5, 10, 20, 30, 60, 120, 300, 600
  };

  static final double[] SEQUENCES = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512};

  static final double[] STEP_TOKENS = {
    1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384
  };

  static final double[] VLLM_FIRST_TOKEN = {
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40,
    80, 160, 640, 2560
  };

  static final double[] VLLM_NEXT_TOKEN = {
    0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80
  };

  static final double[] VLLM_REQUEST = {
    0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680
  };

  static final double[] VLLM_SEQUENCES = {1, 2, 5, 10, 20};

  private Bounds() {}

  /// 1, 2, 5, 10, 20, 50 … up to `most`.
  static double[] oneTwoFive(int most) {
    return DoubleStream.iterate(1, power -> power <= most, power -> power * 10)
        .flatMap(power -> DoubleStream.of(power, 2 * power, 5 * power))
        .filter(bound -> bound <= most)
        .toArray();
  }
}
