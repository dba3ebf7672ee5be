package io.dejavu.tensor;

/// The error function `2/√π ∫₀ˣ e^{-t²} dt`, to 1e-12 or better.
///
/// By its Taylor series where it converges fast, by the continued fraction of the complement
/// elsewhere (Abramowitz & Stegun 1964, 7.1.6 and 7.1.14).
final class Erf {
  private Erf() {}

  static double of(double x) {
    var a = Math.abs(x);
    if (a > 6) {
      return Math.signum(x);
    }
    if (a < 2.5) {
      var term = x;
      var sum = x;
      for (int n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
        term *= 2 * x * x / (2 * n + 1);
        sum += term;
      }
      return 2 / Math.sqrt(Math.PI) * Math.exp(-x * x) * sum;
    }
    var fraction = 0.0;
    for (int n = 60; n > 0; n--) {
      fraction = n / 2.0 / (a + fraction);
    }
    return Math.signum(x) * (1 - Math.exp(-a * a) / Math.sqrt(Math.PI) / (a + fraction));
  }
}
