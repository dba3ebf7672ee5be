package io.dejavu.tensor;

/// Counter-based random numbers: Philox4x32 with 10 rounds. A number is a pure function of its key
/// and counter, so a token drawn again after a failure is the same.
///
/// Source: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", §4.
public final class Philox {
  private static final int M0 = 0xD2511F53;
  private static final int M1 = 0xCD9E8D57;
  private static final int W0 = 0x9E3779B9;
  private static final int W1 = 0xBB67AE85;

  private Philox() {}

  /// A number in `[0, 1)` of 53 random bits for `(seed, position)`.
  public static double uniform(long seed, long position) {
    var words = words(seed, position, 0);
    var bits = (words[0] & 0xffffffffL) << 21 | (words[1] & 0xffffffffL) >>> 11;
    return bits * 0x1p-53;
  }

  /// The four words of counter `(low, high)` under `key`.
  public static int[] words(long key, long low, long high) {
    int c0 = (int) low;
    int c1 = (int) (low >>> 32);
    int c2 = (int) high;
    int c3 = (int) (high >>> 32);
    int k0 = (int) key;
    int k1 = (int) (key >>> 32);
    for (int round = 0; round < 10; round++) {
      var p0 = (M0 & 0xffffffffL) * (c0 & 0xffffffffL);
      var p1 = (M1 & 0xffffffffL) * (c2 & 0xffffffffL);
      c0 = (int) (p1 >>> 32) ^ c1 ^ k0;
      c1 = (int) p1;
      c2 = (int) (p0 >>> 32) ^ c3 ^ k1;
      c3 = (int) p0;
      k0 += W0;
      k1 += W1;
    }
    return new int[] {c0, c1, c2, c3};
  }
}
