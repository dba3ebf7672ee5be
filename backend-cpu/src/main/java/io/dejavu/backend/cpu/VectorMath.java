package io.dejavu.backend.cpu;

import static jdk.incubator.vector.VectorOperators.ABS;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LT;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/// Elementary functions of a vector of floats. Only additions, products and fused multiply-adds, so
/// a lane's result depends on its argument alone: not on the vector's width, nor on whether the
/// code was compiled yet.
final class VectorMath {
  /// The widest vectors of this CPU.
  static final VectorSpecies<Float> F = FloatVector.SPECIES_PREFERRED;

  private static final float LOG2_E = 1.44269504f;
  private static final float LN2_HIGH = 0.693359375f;
  private static final float LN2_LOW = -2.12194440e-4f;
  // Added to a float below 2²², it leaves the nearest integer in the low bits.
  private static final float ROUND = 0x1.8p23f;
  private static final float EXP_LEAST = -87.33654f;
  private static final float EXP_MOST = 88.72283f;

  private VectorMath() {}

  /// `eˣ` within 2 ulp; 0 below -87.34, ∞ above 88.72, NaN of NaN.
  ///
  /// Source: range reduction and polynomial of Cephes' `expf` (Moshier 1989).
  static FloatVector exp(FloatVector x) {
    var shifted = x.fma(FloatVector.broadcast(F, LOG2_E), FloatVector.broadcast(F, ROUND));
    var n = shifted.sub(ROUND);
    var r = n.fma(FloatVector.broadcast(F, -LN2_HIGH), x);
    r = n.fma(FloatVector.broadcast(F, -LN2_LOW), r);
    var p =
        r.fma(
            FloatVector.broadcast(F, 1.9875691500e-4f), FloatVector.broadcast(F, 1.3981999507e-3f));
    p = p.fma(r, FloatVector.broadcast(F, 8.3334519073e-3f));
    p = p.fma(r, FloatVector.broadcast(F, 4.1665795894e-2f));
    p = p.fma(r, FloatVector.broadcast(F, 1.6666665459e-1f));
    p = p.fma(r, FloatVector.broadcast(F, 5.0000001201e-1f));
    p = p.fma(r.mul(r), r).add(1);
    var scaled = p.reinterpretAsInts().add(shifted.reinterpretAsInts().lanewise(LSHL, 23));
    return scaled
        .reinterpretAsFloats()
        .blend(0, x.compare(LT, EXP_LEAST))
        .blend(Float.POSITIVE_INFINITY, x.compare(VectorOperators.GT, EXP_MOST));
  }

  /// `1 / (1 + e⁻ˣ)` within 4 ulp.
  static FloatVector sigmoid(FloatVector x) {
    return FloatVector.broadcast(F, 1).div(exp(x.neg()).add(1));
  }

  /// The error function within 2 ulp of 1.
  ///
  /// Source: minimax polynomials of N. Juffa's `erff`, of x near 0 and of ln(1 - erf x) elsewhere.
  static FloatVector erf(FloatVector x) {
    var t = x.lanewise(ABS);
    var s = x.mul(x);
    var far =
        t.fma(FloatVector.broadcast(F, -1.72853470e-5f), FloatVector.broadcast(F, 3.83197126e-4f));
    var u =
        t.fma(FloatVector.broadcast(F, -3.88396438e-3f), FloatVector.broadcast(F, 2.42546219e-2f));
    far = far.fma(s, u);
    far = far.fma(t, FloatVector.broadcast(F, -1.06777877e-1f));
    far = far.fma(t, FloatVector.broadcast(F, -6.34846687e-1f));
    far = far.fma(t, FloatVector.broadcast(F, -1.28717512e-1f));
    far = far.fma(t, t.neg());
    far = FloatVector.broadcast(F, 1).sub(exp(far));
    far = far.blend(far.neg(), x.compare(LT, 0));
    var near =
        s.fma(FloatVector.broadcast(F, -5.96761703e-4f), FloatVector.broadcast(F, 4.99119423e-3f));
    near = near.fma(s, FloatVector.broadcast(F, -2.67681349e-2f));
    near = near.fma(s, FloatVector.broadcast(F, 1.12819925e-1f));
    near = near.fma(s, FloatVector.broadcast(F, -3.76125336e-1f));
    near = near.fma(s, FloatVector.broadcast(F, 1.28379166e-1f));
    near = near.fma(x, x);
    return near.blend(far, t.compare(VectorOperators.GT, 0.927734375f));
  }
}
