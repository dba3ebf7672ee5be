package io.dejavu.bench;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.util.concurrent.CountDownLatch;
import java.util.function.DoubleSupplier;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/// What this machine can do at best with all its cores, measured beside every table.
///
/// @param readBytesPerSecond from DRAM
/// @param flopsPerSecond f32 fused multiply-adds, two operations each
record Limits(double readBytesPerSecond, double flopsPerSecond) {
  private static final VectorSpecies<Float> F = FloatVector.SPECIES_PREFERRED;
  private static final long BYTES = 256L << 20;
  private static final int ROUNDS = 12;
  private static final int FMA_STEPS = 4_000_000;

  static Limits measure() {
    var threads = Runtime.getRuntime().availableProcessors();
    return new Limits(best(threads, Limits::read), best(threads, Limits::multiply));
  }

  /// The best of several rounds in which every thread does the same.
  private static double best(int threads, DoubleSupplier work) {
    var best = 0.0;
    for (int round = 0; round < ROUNDS; round++) {
      var rates = new double[threads];
      var done = new CountDownLatch(threads);
      for (int t = 0; t < threads; t++) {
        var index = t;
        Thread.ofPlatform()
            .start(
                () -> {
                  rates[index] = work.getAsDouble();
                  done.countDown();
                });
      }
      try {
        done.await();
      } catch (InterruptedException e) {
        throw new IllegalStateException("interrupted while measuring", e);
      }
      var sum = 0.0;
      for (var rate : rates) {
        sum += rate;
      }
      best = Math.max(best, sum);
    }
    return best;
  }

  /// Bytes per second that this thread reads of memory that no cache holds.
  private static double read() {
    try (var arena = Arena.ofConfined()) {
      var memory = arena.allocate(BYTES, 64).fill((byte) 1);
      sum(memory);
      var start = System.nanoTime();
      var sum = sum(memory);
      var seconds = (System.nanoTime() - start) * 1e-9;
      return sum == 0 ? 0 : BYTES / seconds; // the sum is used, so that it is computed
    }
  }

  private static float sum(MemorySegment memory) {
    var step = 4L * F.length();
    var a = FloatVector.zero(F);
    var b = a;
    var c = a;
    var d = a;
    for (long i = 0; i < BYTES; i += 4 * step) {
      a = a.add(FloatVector.fromMemorySegment(F, memory, i, ByteOrder.nativeOrder()));
      b = b.add(FloatVector.fromMemorySegment(F, memory, i + step, ByteOrder.nativeOrder()));
      c = c.add(FloatVector.fromMemorySegment(F, memory, i + 2 * step, ByteOrder.nativeOrder()));
      d = d.add(FloatVector.fromMemorySegment(F, memory, i + 3 * step, ByteOrder.nativeOrder()));
    }
    return a.add(b).add(c.add(d)).lane(0);
  }

  /// Operations per second of ten independent chains of fused multiply-adds.
  private static double multiply() {
    chains();
    var start = System.nanoTime();
    var sum = chains();
    var seconds = (System.nanoTime() - start) * 1e-9;
    return sum == 0 ? 0 : 2.0 * 10 * F.length() * FMA_STEPS / seconds;
  }

  private static float chains() {
    var x = FloatVector.broadcast(F, 0.999f);
    var y = FloatVector.broadcast(F, 0.001f);
    var a = x;
    var b = x;
    var c = x;
    var d = x;
    var e = x;
    var f = x;
    var g = x;
    var h = x;
    var k = x;
    var l = x;
    for (int i = 0; i < FMA_STEPS; i++) {
      a = a.fma(x, y);
      b = b.fma(x, y);
      c = c.fma(x, y);
      d = d.fma(x, y);
      e = e.fma(x, y);
      f = f.fma(x, y);
      g = g.fma(x, y);
      h = h.fma(x, y);
      k = k.fma(x, y);
      l = l.fma(x, y);
    }
    return a.add(b).add(c).add(d).add(e).add(f).add(g).add(h).add(k).add(l).lane(0);
  }
}
