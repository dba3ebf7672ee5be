package io.dejavu.workload;

import org.apache.commons.rng.UniformRandomProvider;
import org.apache.commons.rng.simple.RandomSource;

/// Independent streams of chance from one seed. The generators are the library's and not the JDK's,
/// whose samplers may change from release to release.
final class Seeds {
  static final long ARRIVALS = 1;
  static final long LENGTHS = 2;
  static final long OWN_TOKENS = 3;
  static final long BLOCK_TOKENS = 4;

  private Seeds() {}

  static UniformRandomProvider random(long... of) {
    return RandomSource.XO_SHI_RO_256_PP.create(mixed(of));
  }

  /// SplitMix64's finaliser over all numbers, so that neighbouring seeds have nothing in common.
  static long mixed(long... of) {
    long hash = 0x9E3779B97F4A7C15L;
    for (long number : of) {
      hash = (hash ^ number) * 0xBF58476D1CE4E5B9L + 0x9E3779B97F4A7C15L;
      hash = (hash ^ (hash >>> 30)) * 0xBF58476D1CE4E5B9L;
      hash = (hash ^ (hash >>> 27)) * 0x94D049BB133111EBL;
      hash ^= hash >>> 31;
    }
    return hash;
  }
}
