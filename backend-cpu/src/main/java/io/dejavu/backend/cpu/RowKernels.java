package io.dejavu.backend.cpu;

import static io.dejavu.backend.cpu.Memory.ALL;
import static io.dejavu.backend.cpu.VectorMath.F;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import io.dejavu.tensor.Activation;
import io.dejavu.tensor.BFloat16;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;

/// Kernels of one row each, by address. Sums are kept in 64 partial sums, of the elements with the
/// same index modulo 64, which are then added as a tree: the same to the bit with vectors of any
/// width up to 16 floats.
final class RowKernels {
  /// Floats of scratch that the norms need.
  static final int PARTIALS = 64;

  private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;
  private static final int L = F.length();
  private static final float GELU_CUBIC = 0.044715f;
  private static final float GELU_SLOPE = (float) (2 * Math.sqrt(2 / Math.PI));

  private RowKernels() {}

  static void add(long x, long y, int n) {
    int i = 0;
    for (; i <= n - L; i += L) {
      load(x, i).add(load(y, i)).intoMemorySegment(ALL, y + 4L * i, LE);
    }
    if (i < n) {
      var tail = F.indexInRange(i, n);
      var a = FloatVector.fromMemorySegment(F, ALL, x + 4L * i, LE, tail);
      var b = FloatVector.fromMemorySegment(F, ALL, y + 4L * i, LE, tail);
      a.add(b).intoMemorySegment(ALL, y + 4L * i, LE, tail);
    }
  }

  /// @param weight 0: ones
  /// @param bias 0: zeros
  static void layerNorm(
      long x, long weight, long bias, float epsilon, long out, int n, long scratch) {
    var mean = (float) (sum(x, n, scratch) / n);
    var scale = (float) (1 / Math.sqrt(squares(x, mean, n, scratch) / n + epsilon));
    int i = 0;
    for (; i <= n - L; i += L) {
      var y = load(x, i).sub(mean).mul(scale);
      if (weight != 0) {
        y = y.mul(load(weight, i));
      }
      if (bias != 0) {
        y = y.add(load(bias, i));
      }
      y.intoMemorySegment(ALL, out + 4L * i, LE);
    }
    for (; i < n; i++) {
      var y = (Memory.real(x + 4L * i) - mean) * scale;
      y = weight == 0 ? y : y * Memory.real(weight + 4L * i);
      y = bias == 0 ? y : y + Memory.real(bias + 4L * i);
      Memory.set(out + 4L * i, y);
    }
  }

  static void rmsNorm(long x, long weight, float epsilon, long out, int n, long scratch) {
    var scale = (float) (1 / Math.sqrt(squares(x, 0, n, scratch) / n + epsilon));
    int i = 0;
    for (; i <= n - L; i += L) {
      load(x, i).mul(scale).mul(load(weight, i)).intoMemorySegment(ALL, out + 4L * i, LE);
    }
    for (; i < n; i++) {
      Memory.set(out + 4L * i, Memory.real(x + 4L * i) * scale * Memory.real(weight + 4L * i));
    }
  }

  private static double sum(long x, int n, long scratch) {
    var whole = n / PARTIALS * PARTIALS;
    for (int j = 0; j < PARTIALS; j += 4 * L) {
      var a = FloatVector.zero(F);
      var b = a;
      var c = a;
      var d = a;
      for (int i = j; i < whole; i += PARTIALS) {
        a = load(x, i).add(a);
        b = load(x, i + L).add(b);
        c = load(x, i + 2 * L).add(c);
        d = load(x, i + 3 * L).add(d);
      }
      store(a, b, c, d, scratch + 4L * j);
    }
    for (int i = whole; i < n; i++) {
      var partial = scratch + 4L * (i - whole);
      Memory.set(partial, Memory.real(x + 4L * i) + Memory.real(partial));
    }
    return tree(scratch);
  }

  /// `Σ (x - mean)²`
  private static double squares(long x, float mean, int n, long scratch) {
    var whole = n / PARTIALS * PARTIALS;
    for (int j = 0; j < PARTIALS; j += 4 * L) {
      var a = FloatVector.zero(F);
      var b = a;
      var c = a;
      var d = a;
      for (int i = j; i < whole; i += PARTIALS) {
        var p = load(x, i).sub(mean);
        var q = load(x, i + L).sub(mean);
        var r = load(x, i + 2 * L).sub(mean);
        var s = load(x, i + 3 * L).sub(mean);
        a = p.fma(p, a);
        b = q.fma(q, b);
        c = r.fma(r, c);
        d = s.fma(s, d);
      }
      store(a, b, c, d, scratch + 4L * j);
    }
    for (int i = whole; i < n; i++) {
      var partial = scratch + 4L * (i - whole);
      var p = Memory.real(x + 4L * i) - mean;
      Memory.set(partial, Math.fma(p, p, Memory.real(partial)));
    }
    return tree(scratch);
  }

  private static void store(
      FloatVector a, FloatVector b, FloatVector c, FloatVector d, long address) {
    a.intoMemorySegment(ALL, address, LE);
    b.intoMemorySegment(ALL, address + 4L * L, LE);
    c.intoMemorySegment(ALL, address + 8L * L, LE);
    d.intoMemorySegment(ALL, address + 12L * L, LE);
  }

  private static double tree(long partials) {
    double a = 0;
    double b = 0;
    double c = 0;
    double d = 0;
    for (int i = 0; i < PARTIALS; i += 4) {
      a += Memory.real(partials + 4L * i);
      b += Memory.real(partials + 4L * i + 4);
      c += Memory.real(partials + 4L * i + 8);
      d += Memory.real(partials + 4L * i + 12);
    }
    return a + b + (c + d);
  }

  /// Turns the heads of one row.
  ///
  /// @param heads how many of `headSize` elements
  /// @param half pairs that turn in each
  static void rope(long x, long angles, int heads, int headSize, int half) {
    var sines = angles + 4L * half;
    for (int head = 0; head < heads; head++) {
      var low = x + 4L * head * headSize;
      var high = low + 4L * half;
      int i = 0;
      for (; i <= half - L; i += L) {
        var a = load(low, i);
        var b = load(high, i);
        var cos = load(angles, i);
        var sin = load(sines, i);
        a.mul(cos).sub(b.mul(sin)).intoMemorySegment(ALL, low + 4L * i, LE);
        b.mul(cos).add(a.mul(sin)).intoMemorySegment(ALL, high + 4L * i, LE);
      }
      for (; i < half; i++) {
        var a = Memory.real(low + 4L * i);
        var b = Memory.real(high + 4L * i);
        var cos = Memory.real(angles + 4L * i);
        var sin = Memory.real(sines + 4L * i);
        Memory.set(low + 4L * i, a * cos - b * sin);
        Memory.set(high + 4L * i, b * cos + a * sin);
      }
    }
  }

  static void activate(Activation activation, long x, long out, int n) {
    switch (activation) {
      case RELU -> relu(x, 0, out, n);
      case GELU -> gelu(x, 0, out, n);
      case GELU_TANH -> geluTanh(x, 0, out, n);
      case SILU -> silu(x, 0, out, n);
    }
  }

  /// `out = activation(x) · gate`
  static void activateGated(Activation activation, long x, long gate, long out, int n) {
    switch (activation) {
      case RELU -> relu(x, gate, out, n);
      case GELU -> gelu(x, gate, out, n);
      case GELU_TANH -> geluTanh(x, gate, out, n);
      case SILU -> silu(x, gate, out, n);
    }
  }

  // One loop for each: a lambda in it would cost more than it computes.

  private static void relu(long x, long gate, long out, int n) {
    for (int i = 0; i < n; i += L) {
      var in = F.indexInRange(i, n);
      var v = FloatVector.fromMemorySegment(F, ALL, x + 4L * i, LE, in);
      var y = v.max(0);
      if (gate != 0) {
        y = y.mul(FloatVector.fromMemorySegment(F, ALL, gate + 4L * i, LE, in));
      }
      y.intoMemorySegment(ALL, out + 4L * i, LE, in);
    }
  }

  private static void gelu(long x, long gate, long out, int n) {
    for (int i = 0; i < n; i += L) {
      var in = F.indexInRange(i, n);
      var v = FloatVector.fromMemorySegment(F, ALL, x + 4L * i, LE, in);
      var y = v.mul(0.5f).mul(VectorMath.erf(v.mul((float) Math.sqrt(0.5))).add(1));
      if (gate != 0) {
        y = y.mul(FloatVector.fromMemorySegment(F, ALL, gate + 4L * i, LE, in));
      }
      y.intoMemorySegment(ALL, out + 4L * i, LE, in);
    }
  }

  private static void geluTanh(long x, long gate, long out, int n) {
    for (int i = 0; i < n; i += L) {
      var in = F.indexInRange(i, n);
      var v = FloatVector.fromMemorySegment(F, ALL, x + 4L * i, LE, in);
      // (1 + tanh u) / 2 = 1 / (1 + e⁻²ᵘ)
      var u = v.mul(v).mul(v).fma(FloatVector.broadcast(F, GELU_CUBIC), v).mul(GELU_SLOPE);
      var y = v.mul(VectorMath.sigmoid(u));
      if (gate != 0) {
        y = y.mul(FloatVector.fromMemorySegment(F, ALL, gate + 4L * i, LE, in));
      }
      y.intoMemorySegment(ALL, out + 4L * i, LE, in);
    }
  }

  private static void silu(long x, long gate, long out, int n) {
    for (int i = 0; i < n; i += L) {
      var in = F.indexInRange(i, n);
      var v = FloatVector.fromMemorySegment(F, ALL, x + 4L * i, LE, in);
      var y = v.mul(VectorMath.sigmoid(v));
      if (gate != 0) {
        y = y.mul(FloatVector.fromMemorySegment(F, ALL, gate + 4L * i, LE, in));
      }
      y.intoMemorySegment(ALL, out + 4L * i, LE, in);
    }
  }

  /// Rounds to nearest even bfloat16.
  static void toBFloat16(long x, long out, int n) {
    for (int i = 0; i < n; i++) {
      ALL.set(JAVA_SHORT_UNALIGNED, out + 2L * i, BFloat16.fromFloat(Memory.real(x + 4L * i)));
    }
  }

  private static FloatVector load(long address, int index) {
    return FloatVector.fromMemorySegment(F, ALL, address + 4L * index, LE);
  }
}
