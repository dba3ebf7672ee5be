package io.dejavu.backend.cpu;

import io.dejavu.tensor.Kernels;
import java.util.List;

/// Opens the kernels of this machine's CPUs.
public final class CpuKernels {
  /// The family that is chosen when none is named.
  public static final String AUTO = "auto";

  private CpuKernels() {}

  /// The families that this CPU can run, the fastest first. They differ in their matrix products;
  /// within one, results are the same to the bit.
  public static List<String> families() {
    return List.of(JavaProducts.NAME);
  }

  /// Kernels of a family, such as `java`, or of the fastest one.
  ///
  /// @param family one of {@link #families} or {@link #AUTO}
  /// @param threads that compute, the caller among them
  public static Kernels open(String family, int threads) {
    var name = family.equals(AUTO) ? families().getFirst() : family;
    if (!families().contains(name)) {
      throw new IllegalArgumentException(
          "no kernels '%s' on this CPU; there are %s".formatted(family, families()));
    }
    var workers = new Workers(threads);
    return new VectorKernels(workers, new JavaProducts(workers));
  }
}
